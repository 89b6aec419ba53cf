"""Why a state dict does not fit a model, in the words that lead to the repair."""

from collections import Counter
from collections.abc import Collection, Mapping

from grading.intake.wording import listed, shown

Shapes = Mapping[str, tuple[int, ...]]

EXAMPLES = 3
ENOUGH = 0.5  # share of keys that must agree before a prefix explains the rest
RELATED = 0.2  # below this share of common keys it is another model
WRAPPERS = {
    "module.": "The weights were saved from nn.DataParallel, so every key begins with 'module.'. "
    "Save the model inside: torch.save(model.module.state_dict(), …).",
    "_orig_mod.": "The weights were saved from a model under torch.compile, so every key begins with '_orig_mod.'. "
    "Save the model inside: torch.save(model._orig_mod.state_dict(), …).",
}


def explain_mismatch(weights: Shapes, model: Shapes) -> str:
    """Empty where keys and shapes agree; otherwise one or two sentences on what differs and what to do."""
    if dict(weights) == dict(model):
        return ""
    direct = len(weights.keys() & model.keys())
    for explain in (_wrapped, _part_of_model):
        if sentence := explain(weights, model, direct):
            return sentence
    if not weights:
        return "The file holds no weights. Save them again with torch.save(model.state_dict(), …)."
    agreeing = sum(weights[key] == shape for key, shape in model.items() if key in weights)
    if direct < RELATED * max(len(weights), len(model)) or (agreeing == 0 and weights.keys() != model.keys()):
        return _another_model(weights, model)
    return _differences(weights, model)


def _wrapped(weights: Shapes, model: Shapes, direct: int) -> str:
    """Every key of the file carries a prefix that the model's keys do not."""
    prefix = _common_prefix(weights)
    while prefix:
        inside = {key.removeprefix(prefix): shape for key, shape in weights.items()}
        if len(inside.keys() & model.keys()) > max(direct, ENOUGH * len(inside) - 1):
            sentence = WRAPPERS.get(prefix) or _inner(prefix)
            rest = explain_mismatch(inside, model)
            return f"{sentence} Besides: {rest}" if rest else sentence
        prefix = prefix[: prefix.rstrip(".").rfind(".") + 1]
    return ""


def _inner(prefix: str) -> str:
    attribute = shown(prefix.rstrip("."))
    return (
        f"Every key in the file begins with '{attribute}.', so it was saved from an object that keeps this model as "
        f"'{attribute}'. Save the model alone: torch.save(model.{attribute}.state_dict(), …)."
    )


def _part_of_model(weights: Shapes, model: Shapes, direct: int) -> str:
    """The file holds one part of the model, without the prefix that the part has in it."""
    shared: Counter[str] = Counter()
    for key in model:
        ends = [place + 1 for place, letter in enumerate(key) if letter == "."]
        shared.update(key[:end] for end in ends if key[end:] in weights)
    best = max(shared, key=lambda prefix: (shared[prefix], -len(prefix)), default="")
    if not best or shared[best] <= max(direct, ENOUGH * len(weights) - 1):
        return ""
    return (
        f"The file holds the weights of '{shown(best.rstrip('.'))}' alone, a part of the model: the model's keys begin "
        f"with '{shown(best)}'. Save the whole model: torch.save(model.state_dict(), …)."
    )


def _another_model(weights: Shapes, model: Shapes) -> str:
    return (
        f"Hardly a key fits: the file holds {listed(weights, EXAMPLES)}; the model has {listed(model, EXAMPLES)}. "
        "These are the weights of another class or of another assignment: hand in those saved from this model."
    )


def _differences(weights: Shapes, model: Shapes) -> str:
    missing = [key for key in model if key not in weights]
    extra = [key for key in weights if key not in model]
    parts = [_count(missing, "the file lacks", "of the model"), _count(extra, "it holds", "that the model has not")]
    keys = "; ".join(part for part in parts if part)
    shapes = [
        f"{shown(key)} is {_shape(weights[key])} in the file and {_shape(model[key])} in the model"
        for key in model
        if key in weights and weights[key] != model[key]
    ]
    if not shapes:
        return f"Keys differ: {keys}. Save the weights again from the class that you hand in."
    more = f", and so for {len(shapes) - EXAMPLES:,} more" if len(shapes) > EXAMPLES else ""
    before = f"Keys differ: {keys}. " if keys else ""
    return f"{before}Shapes differ: {'; '.join(shapes[:EXAMPLES])}{more} — build the model as it was when it was saved."


def _count(keys: Collection[str], verb: str, whose: str) -> str:
    noun = "key" if len(keys) == 1 else "keys"
    return f"{verb} {len(keys):,} {noun} {whose} ({listed(keys, EXAMPLES)})" if keys else ""


def _common_prefix(keys: Collection[str]) -> str:
    """The longest prefix of whole names that every key begins with: "module.network."."""
    parts = [key.split(".")[:-1] for key in keys]
    common = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return "".join(f"{name}." for name in common)


def _shape(shape: tuple[int, ...]) -> str:
    return str(tuple(shape)) if shape else "a single number"
