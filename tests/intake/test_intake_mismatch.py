"""Why weights do not fit a model, in words."""

import time

import pytest
from intake_weights import Net
from torch import nn

from grading.intake import explain_mismatch

Shapes = dict[str, tuple[int, ...]]
NETWORK: Shapes = {"first.weight": (8, 4), "first.bias": (8,), "last.weight": (4, 8), "last.bias": (4,)}


def shapes(model: nn.Module) -> Shapes:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def under(prefix: str, inner: Shapes) -> Shapes:
    return {prefix + key: shape for key, shape in inner.items()}


def test_equal_is_silent() -> None:
    assert explain_mismatch(shapes(Net()), shapes(Net())) == ""
    assert explain_mismatch(dict(reversed(NETWORK.items())), NETWORK) == ""
    assert explain_mismatch({}, {}) == ""


def test_data_parallel() -> None:
    assert explain_mismatch(shapes(nn.DataParallel(Net())), shapes(Net())) == (
        "The weights were saved from nn.DataParallel, so every key begins with 'module.'. "
        "Save the model inside: torch.save(model.module.state_dict(), …)."
    )


def test_compiled() -> None:
    sentence = explain_mismatch(under("_orig_mod.", NETWORK), NETWORK)
    assert "under torch.compile" in sentence and "torch.save(model._orig_mod.state_dict(), …)" in sentence


def test_wrapped_by_something_else() -> None:
    sentence = explain_mismatch(under("net.unet.", NETWORK), NETWORK)
    assert "begins with 'net.unet.'" in sentence and "torch.save(model.net.unet.state_dict(), …)" in sentence


def test_wrapped_and_different_besides() -> None:
    model = NETWORK | {"last.bias": (5,)}
    sentence = explain_mismatch(under("module.", NETWORK), model)
    assert "nn.DataParallel" in sentence
    assert sentence.endswith(
        "Besides: Shapes differ: last.bias is (4,) in the file and (5,) in the model "
        "— build the model as it was when it was saved."
    )


def test_wrapped_twice() -> None:
    sentence = explain_mismatch(under("module._orig_mod.", NETWORK), NETWORK)
    assert "'module._orig_mod.'" in sentence and "torch.save(model.module._orig_mod.state_dict(), …)" in sentence


def test_network_saved_instead_of_the_diffusion_model() -> None:
    sentence = explain_mismatch(NETWORK, under("network.", NETWORK))
    assert sentence == (
        "The file holds the weights of 'network' alone, a part of the model: the model's keys begin with 'network.'. "
        "Save the whole model: torch.save(model.state_dict(), …)."
    )
    assert explain_mismatch(NETWORK, under("network.", NETWORK) | {"betas": (1000,)}) == sentence


def test_diffusion_model_saved_instead_of_the_network() -> None:
    sentence = explain_mismatch(under("network.", NETWORK), NETWORK)
    assert "keeps this model as 'network'" in sentence and "torch.save(model.network.state_dict(), …)" in sentence


def test_other_class() -> None:
    sentence = explain_mismatch({"conv1.weight": (3, 3), "conv1.bias": (3,)}, NETWORK)
    assert sentence == (
        "Hardly a key fits: the file holds conv1.weight, conv1.bias; the model has first.weight, first.bias, "
        "last.weight and 1 more. These are the weights of another class or of another assignment: hand in those saved "
        "from this model."
    )


def test_one_common_key_is_no_relation() -> None:
    other = {f"block{number}.weight": (2, 2) for number in range(9)} | {"last.bias": (4,)}
    assert "Hardly a key fits" in explain_mismatch(other, NETWORK)


def test_same_names_in_another_class() -> None:
    """Every network has an encoder; that a few names agree means little when no shape does."""
    other = {"first.weight": (20, 784), "first.bias": (20,), "middle.weight": (20, 20)}
    assert "weights of another class or of another assignment" in explain_mismatch(other, NETWORK)


def test_missing_and_extra_keys() -> None:
    weights = {key: shape for key, shape in NETWORK.items() if key != "first.bias"} | {"head.weight": (2, 2)}
    assert explain_mismatch(weights, NETWORK) == (
        "Keys differ: the file lacks 1 key of the model (first.bias); it holds 1 key that the model has not "
        "(head.weight). Save the weights again from the class that you hand in."
    )


def test_examples_are_at_most_three() -> None:
    layers: Shapes = {f"layer{number}.weight": (2, 2) for number in range(20)}
    few = {key: layers[key] for key in list(layers)[:10]}
    assert "lacks 10 keys of the model (layer10.weight, layer11.weight, layer12.weight and 7 more)" in explain_mismatch(
        few, layers
    )
    wide = layers | {f"layer{number}.weight": (3, 3) for number in range(10)}
    sentence = explain_mismatch(wide, layers)
    assert sentence.count("in the model") == 3 and "and so for 7 more" in sentence
    assert "layer0.weight is (3, 3) in the file and (2, 2) in the model" in sentence


def test_scalars_are_spoken_of_plainly() -> None:
    assert "b is a single number in the file and (1,)" in explain_mismatch({"a": (1,), "b": ()}, {"a": (1,), "b": (1,)})


@pytest.mark.parametrize("model", [{}, NETWORK])
def test_nothing_on_one_side(model: Shapes) -> None:
    if model:
        assert "The file holds no weights" in explain_mismatch({}, model)
        assert explain_mismatch(model, {}) != ""


def test_every_difference_has_a_sentence() -> None:
    """Whatever differs, something printable is said, and in bounded space."""
    odd: list[Shapes] = [{"." * 9: (1,)}, {"": ()}, NETWORK | {"x\n": (1,)}]
    others = [*odd, under("..", NETWORK), under("a" * 900 + ".", NETWORK)]
    for one in [*others, NETWORK]:
        for other in [*others, NETWORK]:
            sentence = explain_mismatch(one, other)
            assert bool(sentence) == (one != other) and len(sentence) < 2_000
            assert sentence.isprintable()


def test_twenty_thousand_keys_are_compared_quickly() -> None:
    many: Shapes = {f"a.b.c.d.{number}": (1,) for number in range(20_000)}
    bare: Shapes = {str(number): (1,) for number in range(20_000)}
    started = time.monotonic()
    assert "begins with 'a.b.c.d.'" in explain_mismatch(many, bare)
    assert "the weights of 'a.b.c.d' alone" in explain_mismatch(bare, many)
    assert time.monotonic() - started < 5
