"""How to ask cmput328_a9: scripts that train as soon as they are run, handed in as modules of their definitions.

`reparameterize` is a place to look in at: what it is handed are mu and log_var, and what it is made to answer is decoded. So
encoder and decoder are asked apart, whatever an architecture looks like. `train_step` runs as it stands, on optimisers that
the script sets up; in part 1 what the model answers is known, in part 2 every pass of the discriminator is watched.
"""

import ast
import contextlib
import inspect
import math
from functools import partial

import torch
from elbograde_inside import asking, epochs, seams, setups, tracing
from elbograde_inside.asking import first_that_works, several
from elbograde_inside.lacking import Lacking
from elbograde_inside.names import read, stored
from torch import nn
from torch.nn import functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

CPU = torch.device("cpu")
SIDE, CLASSES, LATENT = 32, 10, 128
MODELS = {
    "vae": ("A9_vae", "VAE"),
    "cvae": ("A9_vae", "CVAE"),
    "generator": ("A9_acgan", "Generator"),
    "discriminator": ("A9_acgan", "Discriminator"),
}
WEIGHTS = {"vae": "vae.pt", "cvae": "cvae.pt", "generator": "acgan.pt", "discriminator": "acgan.pt"}
GLOBALS = {
    "device": CPU,
    "latent_dim": LATENT,
    "num_classes": CLASSES,
    "batch_size": 8,
    "torch": torch,
    "nn": nn,
    "F": F,
    "math": math,
}
SIZES = {
    "latent_dim": LATENT,
    "z_dim": LATENT,
    "num_classes": CLASSES,
    "n_classes": CLASSES,
    "img_size": SIDE,
    "in_channels": 3,
    "out_channels": 3,
}


# ---------------------------------------------------------------- scripts and their classes


def script(code, name):
    """The module made of a script, with globals that its functions may read where it has none of its own."""
    module = getattr(code, name)
    for key, value in GLOBALS.items():
        module.__dict__.setdefault(key, value)
    for holder in arguments(module):
        for key, value in SIZES.items():
            if getattr(holder, key, value) is None:  # an argument that has to be given
                setattr(holder, key, value)
    settled(module)
    return module


def settled(module):
    """Constructors whose defaults come from arguments that have to be given get the handout's sizes."""
    for cls in [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, nn.Module)]:
        init = cls.__dict__.get("__init__")
        if inspect.isfunction(init) and init.__defaults__:
            names = init.__code__.co_varnames[: init.__code__.co_argcount][-len(init.__defaults__) :]
            init.__defaults__ = tuple(
                SIZES.get(name) if value is None else value
                for name, value in zip(names, init.__defaults__, strict=True)
            )


def arguments(module):
    """What a script parsed, or wrote down in one object."""
    return [
        module.__dict__[name]
        for name in ("args", "opt", "opts", "config", "cfg")
        if hasattr(module.__dict__.get(name), "__dict__")
    ]


def class_of(code, model):
    module, name = MODELS[model]
    return getattr(script(code, module), name)


def declared(code, model):
    """How the script itself makes the class: the arguments of every call that fit the constructor."""
    module, name = MODELS[model]
    calls = getattr(getattr(code, module), "__declared__", {}).get(name, [])
    return asking.arguments_of(class_of(code, model), calls)


def ways_to_build(code, model, weights=()):
    """Arguments for the constructor, the likeliest first: the script's own, then its defaults, then latent sizes that the
    weights speak of."""
    names = inspect.signature(class_of(code, model)).parameters
    latent = next(
        (name for name in names if any(word in name.lower() for word in ("latent", "z_dim", "nz", "hidden"))), None
    )
    ways = [*declared(code, model), {}]
    sizes = sorted({size for each in weights if each.ndim == 2 for size in each.shape if size <= 1024})
    return [*ways, *({**ways[0], latent: size} for size in sizes if latent)]


def built(code, model):
    """An untrained model, as the script makes it."""
    with torch.random.fork_rng(devices=[]):
        ways = [lambda way=way: completed(class_of(code, model), way) for way in ways_to_build(code, model)]
        network = first_that_works(ways)[1]
    return settled_network(code, model, network)


def settled_network(code, model, network):
    """The network after a first pass where it has lazy layers; nothing is drawn: the same seed, the same answer."""
    x, y = torch.full((2, 3, SIDE, SIDE), 0.5), torch.tensor([0, 1])
    if model == "generator":
        return asking.settled(
            network, *(lambda size=size: network(torch.randn(2, size), y) for size in latent_sizes(code))
        )
    return asking.settled(network, lambda: network(x) if model == "discriminator" else called(network, x, y))


def completed(cls, given):
    """An instance; what the constructor wants besides has the handout's sizes."""
    wanted = inspect.signature(cls).parameters.values()
    more = {each.name: SIZES[each.name] for each in wanted if each.default in (each.empty, None) and each.name in SIZES}
    return cls(**{**more, **given})


def state_dicts(content):
    """Every dict of tensors in what a weights file holds, the outermost first."""
    if isinstance(content, dict):
        if any(torch.is_tensor(value) for value in content.values()):
            yield {key: value for key, value in content.items() if torch.is_tensor(value)}
        for key, value in sorted(content.items(), key=lambda pair: str(pair[0])):
            yield from ({**each} for each in state_dicts(value) if key is not None)


def trained(code, model):
    """The model with the weights that were handed in, in evaluation mode."""
    if model not in code.kept:
        content = torch.load(code.folder / WEIGHTS[model], map_location="cpu", weights_only=True)
        found = [cleaned(each) for each in state_dicts(content)]
        ways = ways_to_build(code, model, [value for each in found for value in each.values()])
        code.kept[model] = first_that_works(
            lambda way=way, each=each: loaded(code, model, way, each) for way in ways for each in found
        )[1]
    return code.kept[model]


def cleaned(state):
    """Names without what nn.DataParallel and torch.compile put before them."""
    return {key.removeprefix("_orig_mod.").removeprefix("module."): value for key, value in state.items()}


def loaded(code, model, way, state):
    network = completed(class_of(code, model), way)
    network.load_state_dict(state)
    return network.eval()


def state_shapes(code, file):
    """Names and shapes of the parameters and buffers that the weights in `file` must fit."""
    model = next(name for name, path in WEIGHTS.items() if path == file)
    return {name: list(value.shape) for name, value in built(code, model).state_dict().items()}


def fresh(code, model):
    """An untrained model in evaluation mode, moved off where it begins: layers that are zero there hide what they see."""
    key = ("fresh", model)
    if key not in code.kept:
        network = built(code, model)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            for parameter in network.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
        code.kept[key] = network.eval()
    return code.kept[key]


# ---------------------------------------------------------------- part 1: passes through VAE and CVAE


def passed(network, x, y, z=None):
    """forward(x, y): what it answers, and the mu and log_var that z is drawn by; z itself where one is given."""
    asked = []

    def hear(mu, log_var):
        asked.append([mu, log_var])
        return mu, log_var

    with seams.drawing_as_in_training(network):
        answer = seams.heard(network, lambda: called(network, x, y), hear, z)
    return answer, (asked[0] if asked else None)


def called(network, x, y):
    """forward(x, y); of a VAE that takes no y, forward(x)."""
    names = inspect.signature(network.forward).parameters
    return (
        network(x)
        if len(names) == 1 and not any(each.kind is each.VAR_POSITIONAL for each in names.values())
        else network(x, y)
    )


def mended(network):
    """A network that draws z by a method that raises gets a stand-in for it meanwhile: the method has a row of its own."""
    name = seams.drawing(network)
    return seams.drawing_mended(network, name, getattr(network, name)) if name else contextlib.nullcontext()


def vae_pass(code, model, x, y, z):
    """One forward pass of an untrained model as it stands, and one with z [B, Z] put in the place of what it draws.

    z: None where only the first is wanted
    """
    network = fresh(code, model)
    with torch.no_grad(), mended(network):
        own, _ = passed(network, x, y)
        found = {"own": listed(own), "put": None, "asked": None, "returned": described(own)}
        if z is not None:
            put, asked = passed(network, x, y, z)
            found |= {"put": listed(put), "asked": asked}
    return found


def listed(answer):
    answer = several(answer)
    return answer if isinstance(answer, list) else [answer]


def described(answer):
    return ", ".join(str(list(each.shape)) if torch.is_tensor(each) else type(each).__name__ for each in listed(answer))


def latent_learns(code, model, x, y):
    """Whether a gradient of the image reaches mu and log_var through z; None where neither can be told."""
    network, handed = fresh(code, model), []

    def hear(mu, log_var):
        handed.extend((mu * 1, log_var * 1))
        for each in handed:
            each.retain_grad() if each.requires_grad else None
        return handed

    with mended(network), seams.drawing_as_in_training(network):
        listed(seams.heard(network, lambda: called(network, x, y), hear))[0].sum().backward()
    return [each.grad is not None and bool(each.grad.abs().sum() > 0) for each in handed] or None


def reparameterize(code, mu, logvar):
    """A draw by reparameterize, or as forward draws by itself; None where that cannot be asked."""
    with torch.no_grad():
        return drawn(code, mu, logvar)


def drawn(code, mu, logvar):
    network = fresh(code, "vae")
    y = torch.zeros(len(mu), dtype=torch.long)
    if seams.drawing(network) is None and "width" not in code.kept:
        own = listed(called(network, torch.rand(2, 3, SIDE, SIDE), torch.tensor([0, CLASSES - 1])))
        code.kept["width"] = own[1].shape[-1] if len(own) > 1 and torch.is_tensor(own[1]) else 0
    with seams.drawing_as_in_training(network):
        return seams.drawn(network, code.kept.get("width", 0), lambda x: called(network, x, y), mu, logvar)


def reparameterize_gradient(code, mu, logvar):
    mu.requires_grad_(True)
    logvar.requires_grad_(True)
    z = drawn(code, mu, logvar)
    z.sum().backward()
    return {"z": z, "mu": mu.grad, "logvar": logvar.grad}


def by_hand(code, probe):
    return {"reparameterize": "VAE().reparameterize(mu, logvar)"}[probe]


class Encoding(nn.Module):
    """A model up to where z is drawn."""

    def __init__(self, network, y):
        super().__init__()
        self.network, self.y = network, y

    def forward(self, x):
        def reached(mu, log_var):
            raise seams.Through

        with seams.before_decoder(self.network, []):  # where nothing draws that has a name
            seams.heard(self.network, lambda: called(self.network, x, self.y), reached)


class Decoding(nn.Module):
    """A model from where z is drawn on."""

    def __init__(self, network, x, y):
        super().__init__()
        self.network, self.x, self.y = network, x, y

    def forward(self, z):
        return passed(self.network, self.x, self.y, z)[0]


class Half(nn.Module):
    """What a model calls its encoder, or its decoder, with what it may take beside its first input."""

    def __init__(self, network, place, rest=()):
        super().__init__()
        self.network, self.place, self.rest = network, place, rest

    def forward(self, x):
        return getattr(*self.place)(x, *self.rest)


def architecture(code, model, latent):
    """The operations of the encoder on images, and of the decoder on z [2, latent]; None where they cannot be told apart."""
    network, x, y = at_work(code, model), torch.rand(2, 3, SIDE, SIDE), torch.tensor([0, CLASSES - 1])
    with mended(network):
        return traced_halves(network, x, y, latent)


def at_work(code, model):
    """The model with the weights that were handed in, which may switch it to something else; untrained without them."""
    try:
        return trained(code, model)
    except Exception:
        return fresh(code, model)


def traced_halves(network, x, y, latent):
    decoder, handed = tracing.traced(Decoding(network, x, y), torch.randn(2, latent)), []
    if not decoder:  # forward decodes something else than z, or draws it by itself
        with torch.no_grad(), seams.before_decoder(network, handed), contextlib.suppress(seams.Through):
            called(network, x, y)
        if not handed:
            return None
        decoder = tracing.traced(Half(network, seams.half(network, seams.DECODERS)), torch.randn_like(handed[0]))
    return {"encoder": tracing.traced(Encoding(network, y), x, seams.Through), "decoder": decoder}


def halves_apart(code, model):
    """The operations of encoder and decoder, each asked by itself where forward raises; None for one that cannot be."""
    network = at_work(code, model)
    images = [torch.rand(2, count, SIDE, SIDE) for count in (3, 3 + CLASSES, 4)]
    widths = [layer.in_features for layer in network.modules() if isinstance(layer, nn.Linear)]
    channels = [layer.in_channels for layer in network.modules() if isinstance(layer, nn.ConvTranspose2d)]
    vectors = [torch.randn(2, width) for width in dict.fromkeys(widths)]
    vectors += [torch.randn(2, count, 1, 1) for count in dict.fromkeys(channels)]
    return {
        "encoder": operations_of(network, seams.half(network, seams.ENCODERS), images),
        "decoder": operations_of(network, seams.half(network, seams.DECODERS), vectors),
    }


def operations_of(network, place, inputs):
    y = torch.tensor([0, CLASSES - 1])
    for x in inputs if place else ():
        for rest in ((), (y,), (F.one_hot(y, CLASSES).float(),)):
            with contextlib.suppress(Exception):
                return tracing.traced(Half(network, place, rest), x)
    return None


def vae_generate(code, model, count, y, silent=False):
    """generate(count), for classes y where some are given: its answer as a list, and what its decoder was handed.

    silent: every normal number drawn is 0, so that images differ by their classes alone
    """
    network, seen = fresh(code, model), []
    decoder = getattr(network, "decode", getattr(network, "decoder", None))
    hook = (
        decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().clone()))
        if isinstance(decoder, nn.Module) and not inspect.ismethod(decoder)
        else None
    )
    try:
        with torch.no_grad(), asking.silence() if silent else contextlib.nullcontext():
            answer = network.generate(count) if y is None else given_classes(network, count, y)
    finally:
        if hook is not None:
            hook.remove()
    handed = seen[0] if seen and torch.is_tensor(seen[0]) else None
    return {"returned": listed(answer), "is_pair": isinstance(several(answer), list), "seen": handed}


def given_classes(network, count, y):
    return first_that_works(
        (
            lambda: network.generate(count, y),
            lambda: network.generate(count, y=y),
            lambda: network.generate(y=y, n_samples=count),
        )
    )[1]


# ---------------------------------------------------------------- part 1: training


def with_known_answers(network, known):
    """The network with a forward whose answers are known, and four numbers, all 0, that shift them: through their gradients
    one sees what of the answers is learned from. Another parameter takes part with a gradient of its own."""
    network.shift = nn.Parameter(torch.zeros(4))
    rest = [parameter for name, parameter in network.named_parameters() if name != "shift"]

    def forward(*args, **kwargs):
        moved = sum(parameter.flatten()[0] for parameter in rest[:1]) if rest else torch.zeros(())
        shifted = [value + shift for value, shift in zip(known, network.shift, strict=True)]
        shifted[0] = shifted[0] + moved - moved.detach()
        return tuple(shifted)

    network.forward = forward
    return network


def vae_step(code, model, x, y, xg, mu, log_var, z, weight):
    """train_step(x, y), twice, on a model that answers (xg, mu, log_var, z), with `weight` before the divergence.

    `values`: what it returns, each time;  `gradients`: of xg, mu and log_var's shifts at each step of an optimiser
    A script that leaves the divergence out in its first epoch is asked in a later one, where it counts epochs at all.
    """
    training = Training(code, model, (xg, mu, log_var, z), len(x))
    weighted = weigh(training.module, training.step, weight)
    training.hand(weight)
    weighted |= any(value is weight for value in training.more.values())
    for epoch in (0, *((50, 20, 8, 3) if training.counts_epochs() else ())):
        training.at(epoch)
        with contextlib.suppress(*((IndexError, KeyError) if epoch else ())):
            values, gradients, moved = training.run(x, y, 2)
            if epoch == 0 or any(each is not None and each[1].abs() > 1e-8 for each in gradients):
                found = {"values": values, "gradients": gradients, "moved": moved, "weighted": weighted}
        if any(each is not None and each[1].abs() > 1e-8 for each in found["gradients"]):
            break
    kept = all(holder.lambd == weight for holder in epochs.holders(training.module, "lambd"))
    return {**found, "weighted": weighted and kept}


def annealed(code, x, y, xg, mu, log_var, z, weights):
    """The gradients [4] that train_step sends to the shifts in each epoch, where the loop has set the weight of the
    divergence as listed; they end where the script has no more epochs."""
    training, found = Training(code, "vae", (xg, mu, log_var, z), len(x)), []
    training.hand(None)
    names = weight_names(training.module, training.step)
    handed = [name for name in training.more if epochs.weights_named({name: 0.0})]
    for epoch, weight in enumerate(weights):
        training.at(epoch)
        for holder in epochs.holders(training.module, "lambd"):
            holder.lambd = weight
        training.module.__dict__.update(dict.fromkeys(names, weight))
        training.more.update(dict.fromkeys(handed, weight))
        try:
            gradients = training.run(x, y, 1)[1]
        except (IndexError, StopIteration):
            break
        found.append(gradients[0] if gradients and gradients[0] is not None else torch.zeros(4))
    return torch.stack(found) if found else None


class Training:
    """A train_step of part 1 around a network whose answers are known, with what it reads set up."""

    def __init__(self, code, model, known, count):
        self.module = script(code, "A9_vae")
        self.step, self.more = self.module.train_step, {}
        fitted(self.module, count)
        self.network = with_known_answers(built(code, model).train(), known)
        names = {"model", *setups.names_bound_to(self.module, {"VAE", "CVAE"})}
        if "args" in self.module.__dict__ and hasattr(self.module.args, "conditional"):
            self.module.args.conditional = model == "cvae"
        setups.provide(self.module, self.step, dict.fromkeys(names, self.network))

    def hand(self, weight):
        """What it is handed beside x and y. Raises Lacking where that cannot be told."""
        known = dict.fromkeys(("model", "net", "vae", "cvae"), self.network)
        self.more = others(self.module, self.step, known, weight)
        if weight is None:
            self.more.update(
                {name: 0.0 for name, value in self.more.items() if value is None and epochs.weights_named({name: 0.0})}
            )
        known_to_all(self.module, self.step, self.more)

    def counts_epochs(self):
        """Whether it reads, or is handed, the number of the epoch."""
        read = setups.names_read(self.module, self.step)
        return bool(read & epochs.epoch_names(self.module, "train_step")) or any("epoch" in name for name in self.more)

    def at(self, epoch):
        """The number of the epoch, wherever it stands."""
        self.module.__dict__.update(dict.fromkeys(epochs.epoch_names(self.module, "train_step"), epoch))
        self.more.update({name: epoch for name in self.more if "epoch" in name})

    def run(self, x, y, times):
        """What it returns, the gradients of the shifts at each step of an optimiser, and whether anything moved."""
        seen, values, moved = [], [], False

        def note(optimizer, args, kwargs):
            seen.append(None if self.network.shift.grad is None else self.network.shift.grad.clone())

        before = parameters_of(self.network)
        hook = register_optimizer_step_pre_hook(note)
        try:
            for _ in range(times):
                values.append([number(each) for each in listed(self.step(x.clone(), y.clone(), **self.more))])
                moved |= has_moved(self.network, before)
                self.network.shift.data.zero_()  # so that the second step is asked the same as the first
        finally:
            hook.remove()
            self.network.shift.grad = None
        return values, seen, moved


def parameters_of(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


def has_moved(network, before):
    return any(not torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))


def others(module, step, known, weight=None):
    """What train_step is handed beside x and y: what it is called decides; None for what nobody can tell."""
    found = {}
    for each in list(inspect.signature(step).parameters.values())[2:]:
        if weight is not None and epochs.weights_named({each.name: 0.0}):
            found[each.name] = weight
        elif each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD:
            near = known.get(
                each.name, 0 if "epoch" in each.name or each.name in ("i", "step", "it", "batch_idx") else None
            )
            found[each.name] = near if near is not None else setups.value_of(module, each.name, {})
    return found


def known_to_all(module, step, more):
    """Raises Lacking where what a function is handed, or reads, cannot be made of the script without running it."""
    unknown = [name for name, value in more.items() if value is None] + setups.unsettled(module, step)
    if unknown:
        raise Lacking(f"train_step needs {', '.join(unknown)}, which takes its value where the script is run")


def weight_names(module, step):
    """The names of the module, or of its loops, by which train_step reads the weight of the divergence."""
    return [*epochs.weights_read(module, step), *epochs.weights_of_the_loop(module, step)]


def weigh(module, step, weight):
    """Puts `weight` before the divergence: into the criterion, else where train_step reads it. Whether it could."""
    holders = epochs.holders(module, "lambd")
    for holder in holders:
        holder.lambd = weight
    if holders:
        return True
    names = weight_names(module, step)
    module.__dict__.update(dict.fromkeys(names, weight))
    lists = epochs.lists_read(module, step)
    module.__dict__.update({name: [weight] * len(values) for name, values in lists.items()})
    names = [*names, *lists]
    for holder in arguments(module):
        own = [name for name in epochs.weights_named(vars(holder)) if name in setups.names_read(module, step)]
        names = [*names, *own]
        vars(holder).update(dict.fromkeys(own, weight))
    return bool(names)


def number(value):
    """A number of whatever kind as a tensor that is learned from no more; None for anything else."""
    if torch.is_tensor(value):
        return value.detach()
    return torch.tensor(float(value)) if isinstance(value, int | float) or hasattr(value, "__float__") else None


def own_similarity(code, a, b):
    """What the SSIM of the ssim.py beside the script gives, in windows of 11; None where none can be asked."""
    try:
        module = code.ssim
        with torch.no_grad():
            return module.SSIM(window_size=11)(a, b)
    except Exception:
        return None


def annealing(code, count):
    """The weight of the divergence, epoch by epoch, as the loop that is never run would set it.

    `listed`: what `kl_annealing` is, where it is a list;  `sets`: whether the loop sets it at all
    """
    module = script(code, "A9_vae")
    listed_ones = setups.value_of(module, "kl_annealing", {})
    weights, sets = epochs.over_epochs(module, "lambd", "train_step", count)
    step = module.__dict__.get("train_step")
    for name in (*epochs.weights_read(module, step), *epochs.handed_on(module, "train_step")) if not sets else ():
        weights, sets = epochs.over_epochs(module, name, "train_step", count)
        if sets:
            break
    plain = None
    with contextlib.suppress(TypeError, ValueError):
        plain = [float(each) for each in listed_ones]
    if not sets and not plain and (lists := list(epochs.lists_read(module, step).values())):
        return {"weights": [], "sets": False, "listed": lists[0], "reads": True}
    return {"weights": weights, "sets": sets, "listed": plain, "reads": mentioned(code, module, "kl_annealing")}


def mentioned(code, module, name):
    """Whether anything reads a name: in what was left out, or in a function or a class."""
    trees = [
        setups.rest(module),
        *(each for each in code.source("A9_vae").body if isinstance(each, ast.FunctionDef | ast.ClassDef)),
    ]
    return any(name in read(tree) for tree in trees)


def denormalize(code, file, x):
    """denormalize(x): its values, of what type and kind they are, and what is left of x."""
    given = x.clone()
    answer = script(code, file).denormalize(given)
    kind = str(getattr(answer, "dtype", type(answer).__name__))
    pixels = (
        answer if torch.is_tensor(answer) else torch.as_tensor(answer.copy()) if hasattr(answer, "__array__") else None
    )
    return {"pixels": pixels, "kind": kind, "is_array": type(answer).__module__ == "numpy", "left": given}


# ---------------------------------------------------------------- part 1: with weights


def latents(code, model, x, y):
    """mu, log_var and z of images, by the weights that were handed in; nothing of the decoder's is asked."""
    network, handed = trained(code, model), []

    def reached(mu, log_var):
        handed.extend((mu, log_var))
        raise seams.Through

    with torch.no_grad(), contextlib.suppress(seams.Through):
        seams.heard(network, lambda: called(network, x, y), reached)
    if not handed:
        raise RuntimeError(
            "forward neither calls self.reparameterize nor self.encode, so the halves cannot be asked apart"
        )
    mu, log_var = handed
    name = seams.drawing(network)
    with torch.no_grad():
        z = getattr(network, name)(mu, log_var) if name else mu + torch.exp(log_var / 2) * torch.randn_like(mu)
    return {"mu": mu, "log_var": log_var, "z": z}


def decode(code, model, z, y):
    """Images of latent vectors, by the weights that were handed in; the encoder is shown an even grey."""
    with torch.no_grad():
        answer, _ = passed(trained(code, model), torch.full((len(z), 3, SIDE, SIDE), 0.5), y, z)
    return listed(answer)[0]


# ---------------------------------------------------------------- part 2: the AC-GAN


def latent_size(code):
    """How long the generator's z is: the first size it takes, of those the script speaks of or its layers have."""
    if "z size" not in code.kept:
        network, sizes = fresh(code, "generator"), list(dict.fromkeys(latent_sizes(code)))
        own = {size for each in network.parameters() for size in each.shape if size <= 4096}
        layers = sorted({size - less for size in own for less in (0, CLASSES)} - {0, 1})
        with contextlib.suppress(Exception):  # of which the first is told by generator_pass
            code.kept["z size"] = first_taken(network, [size for size in (*sizes, *layers) if size > 1])
        code.kept.setdefault("z size", sizes[0])
    return code.kept["z size"]


def first_taken(network, sizes):
    """The first size of z that the generator takes."""
    for_two = torch.tensor([0, CLASSES - 1])
    with torch.no_grad():
        return sizes[first_that_works(lambda size=size: network(torch.randn(2, size), for_two) for size in sizes)[0]]


def latent_sizes(code):
    """As the script makes the generator, as its constructor says, as globals are called; the handout's at last."""
    names = inspect.signature(class_of(code, "generator")).parameters
    wanted = ("latent", "z_dim", "nz", "zdim", "noise")
    name = next((each for each in names if any(word in each.lower() for word in wanted)), None)
    own = [call[name] for call in declared(code, "generator") if name in call]
    default = names[name].default if name else inspect.Parameter.empty
    around = [
        value
        for key, value in vars(script(code, "A9_acgan")).items()
        if key.lower() == "z" or any(word in key.lower() for word in wanted)
    ]
    return [each for each in (*own, default, *around, LATENT) if type(each) is int]


def generator_pass(code, z, y):
    """Images by an untrained generator in evaluation mode; z None: of z ~ N(0, 1) drawn here."""
    with torch.no_grad():
        return fresh(code, "generator")(torch.randn(len(y), latent_size(code)) if z is None else z, y)


def generator_latent(code):
    return latent_size(code)


def discriminator_pass(code, x):
    """What an untrained discriminator answers, as a list."""
    with torch.no_grad():
        answer = fresh(code, "discriminator")(x)
    return {"returned": listed(answer), "is_pair": isinstance(several(answer), list)}


def acgan_step(code, x, y):
    """train_step(x, y) as it stands, twice, on untrained networks and the script's own optimisers; every event in its order.

    `call`: the discriminator is asked: of what, whether a gradient goes back into the images, what it answered
    `step`: an optimiser is about to move: whose parameters it holds, what has arrived at the answers of each call since the
    last step, and how large the generator's gradients were already when the first of that arrived
    A script that counts on its own size of batches is asked with as many images, repeated.
    """
    module, networks, step = acgan_ready(code, len(x))
    before = {name: parameters_of(network) for name, network in networks.items()}
    try:
        story = watched_steps(step, networks, x, y)
    except (RuntimeError, ValueError):
        size = next((each for each in batch_sizes(code, "A9_acgan") if each != len(x)), None)
        if size is None:
            raise
        fitted(module, size)
        story = watched_steps(step, networks, *(torch.cat([each] * (size // len(x) + 1))[:size] for each in (x, y)))
    return {**story, "moved": {name: has_moved(network, before[name]) for name, network in networks.items()}}


def acgan_ready(code, count):
    """The module of the AC-GAN, its two networks as the script makes them, and a train_step that takes x and y alone."""
    torch.manual_seed(3)
    module = script(code, "A9_acgan")
    setups.provide(module, module.train_step, {})
    made = {name: made_of(module, MODELS[name][1]) for name in ("generator", "discriminator")}
    if lacking := [MODELS[name][1] for name, found in made.items() if not found]:
        raise Lacking(f"how the script makes its {' and '.join(lacking)} could not be told without running it")
    networks = {name: settled_network(code, name, found[-1]).train() for name, found in made.items()}
    fitted(module, count)
    more = others(module, module.train_step, networks)
    known_to_all(module, module.train_step, more)
    return module, networks, partial(module.train_step, **more)


def acgan_accuracy(code, x, y):
    """The last thing that train_step returns, where the discriminator tells the classes of the first four real images and of
    the first fake; None where it cannot be asked so."""
    _, networks, step = acgan_ready(code, len(x))
    classes = []
    hooks = [
        networks["generator"].register_forward_hook(
            lambda _, args, images: classes.append(classes_among(args, images))
        ),
        networks["discriminator"].register_forward_hook(
            lambda _, args, answer: with_classes(answer, classes_told(args[0].detach(), x, y, classes))
        ),
    ]
    found = None
    with contextlib.suppress(Exception):  # whatever it raises: acgan_step has been asked, and says so
        found = listed(step(x.clone(), y.clone()))
    for hook in hooks:
        hook.remove()
    return {"accuracy": number(found[-1]) if found and len(found) == 3 else None}


def classes_told(images, x, y, asked):
    """The class that is told of each image: right for the first four of x and for the first other one, and else wrong."""
    told, fakes = [], iter(asked[-1].tolist() if asked and asked[-1] is not None else [])
    for image in images:
        alike = [torch.corrcoef(torch.stack([image.flatten(), each.flatten()]))[0, 1] for each in x]
        place = max(range(len(x)), key=lambda at: alike[at])
        real = alike[place] > 0.9
        wanted = int(y[place]) if real else next(fakes, 0)
        right = place < 4 if real else not any(not real for real, _ in told)
        told.append((real, wanted if right else (wanted + 1) % CLASSES))
    return torch.tensor([each for _, each in told])


def with_classes(answer, told):
    """A discriminator's answer with its class scores in favour of these classes [B]; gradients pass through."""
    if not isinstance(answer, tuple) or hasattr(answer, "_fields"):
        return None
    chances = torch.full((len(told), CLASSES), 0.01).scatter(1, told.unsqueeze(1), 0.91)
    scores = chances if kind_of_scores(answer) == "probabilities" else chances.log()
    return tuple(
        each - each.detach() + scores.reshape(each.shape)
        if torch.is_tensor(each) and each.numel() == scores.numel()
        else each
        for each in answer
    )


def batch_sizes(code, name):
    """The sizes of batches that a script speaks of."""
    calls = getattr(getattr(code, name), "__declared__", {}).get("DataLoader", [])
    sizes = [kwargs.get("batch_size", args[1] if len(args) > 1 else None) for args, kwargs in calls]
    return [each for each in (*sizes, 256, 128, 64) if isinstance(each, int) and 1 < each <= 512]


def fitted(module, size):
    """Globals that say how large a batch is, say so."""
    for holder in (module, getattr(module, "args", None), getattr(module, "opt", None)):
        for name, value in list(getattr(holder, "__dict__", {}).items()):
            if "batch" in name.lower() and "size" in name.lower() and type(value) is int:
                setattr(holder, name, size)


def watched_steps(step, networks, x, y):
    events, arrivals, made = [], [], []
    generator, discriminator = networks["generator"], networks["discriminator"]
    hooks = [
        generator.register_forward_hook(lambda _, args, answer: made.append((args, answer))),
        discriminator.register_forward_hook(
            lambda _, args, answer: watched_call(args[0], answer, events, arrivals, generator)
        ),
        register_optimizer_step_pre_hook(
            lambda optimizer, *_: events.append(about_to_move(optimizer, networks, arrivals))
        ),
    ]
    try:
        answer, _ = [listed(step(x.clone(), y.clone())) for _ in range(2)]
    finally:
        for hook in hooks:
            hook.remove()
    made = [
        {"images": images.detach(), "classes": classes_among(args, images), "z": latents_among(args, images)}
        for args, images in made
    ]
    return {"x": x, "y": y, "events": events, "made": made, "returned": [number(each) for each in answer]}


def made_of(module, name):
    """The instances of a class that the script makes, in a dict or a list too."""
    return [value for value in epochs.within(module) if isinstance(value, getattr(module, name))]


def classes_among(args, images):
    """The whole numbers among what the generator was handed, one per image."""
    fitting = [
        each for each in args if torch.is_tensor(each) and not each.is_floating_point() and each.numel() == len(images)
    ]
    return fitting[0].detach().flatten() if fitting else None


def latents_among(args, images):
    """What else of floats the generator was handed, one row per image."""
    fitting = [each for each in args if torch.is_tensor(each) and each.is_floating_point() and len(each) == len(images)]
    return fitting[0].detach().flatten(1) if fitting else None


def watched_call(x, answer, events, arrivals, generator):
    """Takes a call of the discriminator down, and listens for the gradients that arrive at its answers."""
    kept = {"gradients": [torch.zeros_like(each) for each in listed(answer)], "before": 0.0, "heard": False}

    def hear(gradient, place):
        if not kept["heard"]:
            kept.update(heard=True, before=size_of_gradients(generator))
        kept["gradients"][place].add_(gradient.detach())

    for place, each in enumerate(listed(answer)):
        if each.requires_grad:
            each.register_hook(lambda gradient, place=place: hear(gradient, place))
    arrivals.append(kept)
    events.append({"event": "call", "x": x.detach().clone(), "open": x.requires_grad, "scores": kind_of_scores(answer)})
    return undecided(answer, len(x))


def kind_of_scores(answer):
    """What the class scores are: "probabilities", their "logarithms", or "scores" that softmax takes; "" for unknown."""
    found = [each.detach() for each in listed(answer) if torch.is_tensor(each) and each.shape[-1:] == (CLASSES,)]
    if len(found) != 1:
        return ""
    level = alike(found[0])
    return "scores" if level == 0 else "probabilities" if level > 0 else "logarithms"


def undecided(answer, count):
    """The same answer with every validity at 1/2, from where any loss pulls the way that it means, and no class above
    another; gradients pass through."""
    if not isinstance(answer, tuple) or hasattr(answer, "_fields"):
        return None
    known = {count: lambda each: 0.5, count * CLASSES: alike}
    return tuple(
        each - each.detach() + known[each.numel()](each.detach())
        if torch.is_tensor(each) and each.numel() in known
        else each
        for each in answer
    )


def alike(scores):
    """The score of each class where none is above another: a probability, its logarithm, or what softmax takes."""
    rows = scores.reshape(-1, CLASSES)
    if (rows.exp().sum(1) - 1).abs().max() < 1e-3:
        return -math.log(CLASSES)
    return 1 / CLASSES if rows.min() >= 0 and (rows.sum(1) - 1).abs().max() < 1e-3 else 0.0


def about_to_move(optimizer, networks, arrivals):
    """Whose parameters an optimiser holds, and what has arrived at each call since the last step."""
    held = {id(each) for group in optimizer.param_groups for each in group["params"]}
    holds = {name: any(id(each) in held for each in network.parameters()) for name, network in networks.items()}
    arrived = [[each.clone() for each in kept["gradients"]] for kept in arrivals]
    before = [kept["before"] for kept in arrivals]
    for kept in arrivals:
        kept.update(gradients=[torch.zeros_like(each) for each in kept["gradients"]], before=0.0, heard=False)
    return {"event": "step", "holds": holds, "arrived": arrived, "before": before}


def size_of_gradients(network):
    return sum(float(each.grad.abs().sum()) for each in network.parameters() if each.grad is not None)


def preview(code):
    """random_z and random_y as the script makes them; `in_loop`: where they are made anew in a loop."""
    module = script(code, "A9_acgan")
    tree = setups.rest(module)
    pair = next(preview_names(module, tree), ("random_z", "random_y"))
    z, y = (setups.value_of(module, name, {}) for name in pair)
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While)]
    inside = set().union(*map(stored, loops))
    return {"z": z, "y": y, "latent": latent_size(code), "in_loop": sorted(inside & set(pair))}


def preview_names(module, tree):
    """What stands for random_z and random_y where the generator is asked outside of functions."""
    text = ast.unparse(tree)
    if "random_z" in text:
        return
    called_so = set(setups.names_bound_to(module, {"Generator"}))
    for node in ast.walk(tree):
        fits = (
            isinstance(node, ast.Call) and len(node.args) == 2 and all(isinstance(each, ast.Name) for each in node.args)
        )
        last = (
            node.func.slice.value
            if fits and isinstance(node.func, ast.Subscript) and isinstance(node.func.slice, ast.Constant)
            else getattr(node, "func", None)
        )
        if fits and (getattr(last, "id", last) in called_so or isinstance(node.func, ast.Subscript)):
            yield tuple(each.id for each in node.args)


def class_scores(code, x):
    """The scores of ten classes [B, 10], by the weights that were handed in."""
    with torch.no_grad():
        return listed(trained(code, "discriminator")(x))[1]


def generated(code, labels):
    """Images of classes [N], by the weights that were handed in."""
    network = trained(code, "generator")
    if "trained z size" not in code.kept:
        layers = sorted({size for each in network.parameters() for size in each.shape})
        code.kept["trained z size"] = first_taken(network, [latent_size(code), *layers])
    with torch.no_grad():
        return network(torch.randn(len(labels), code.kept["trained z size"]), torch.as_tensor(labels))


def watched(code, probe, inputs):
    """One of the probes above, asked twice: its answer, what is left of its inputs, and the gradients they get."""
    return asking.watched(lambda **given: globals()[probe](code, **given), inputs)
