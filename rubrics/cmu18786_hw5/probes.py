"""How to ask cmu18786_hw5: classes in notebooks, which are handed in as modules of definitions.

A notebook's methods may read its globals (`device`, `input_dim` …): what it does not define plainly is provided. Classes are
made with the sizes that the notebook makes them with (`__declared__`), else with the handout's. Answers of several shapes
and orders are brought to one; what they should be is for the judge to know. A quantizer's answers are told apart by what
they are, and its codebook is put in, whatever it is called. In a Model, what the quantizer answers is replaced by known
tensors, so that one mistake costs once.
"""

import ast
import contextlib
import functools
import inspect
import math

import torch
from elbograde_inside import asking, excerpts, loops, seams, setups, tracing
from elbograde_inside.asking import first_that_works, replaced, several
from elbograde_inside.names import called as calls_in
from elbograde_inside.state import contents, held, put
from torch import Tensor
from torch.nn import functional as F

CPU = torch.device("cpu")
SIDE, PIXELS, QUARTER, CLASSES, LATENT, HIDDEN = 28, 28 * 28, 14 * 14, 10, 15, 400
CONDITIONS = {"vae": 0, "cvae": CLASSES, "structured": QUARTER}
CLASS_OF = {
    "autoencoder": ("Autoencoder_Starter_Notebook", "Autoencoder"),
    "denoiser": ("Denoising_Autoencoder_Starter_Notebook", "DenoiseAE"),
    "baseline": ("VAE_Starter_Notebook", "BaselineNN"),
    **dict.fromkeys(CONDITIONS, ("VAE_Starter_Notebook", "myVAE")),
}
GLOBALS = {
    "device": CPU,
    "input_dim": PIXELS,
    "input_size": PIXELS,
    "H": SIDE,
    "W": SIDE,
    "img_size": SIDE,
    "torch": torch,
    "nn": torch.nn,
    "F": F,
    "xrange": range,
}
ROLES = {  # what a constructor's parameters may be called, in the order in which the handout has them
    "autoencoder": {
        "latent": ("latent", "z_dim", "zdim", "bottleneck", "code"),
        "hidden": ("hidden", "h_dim"),
        "input": ("input", "in_", "image", "size"),
    },
    "myVAE": {
        "input": ("input", "in_", "image"),
        "hidden": ("hidden", "h_dim"),
        "latent": ("latent", "z_dim", "zdim"),
        "condition": ("cond", "class", "c_dim", "label"),
    },
    "baseline": {
        "input": ("input", "in_", "cond", "quarter"),
        "hidden": ("hidden", "h_dim"),
        "output": ("output", "out"),
    },
    "denoiser": {},
}
SIZES = {"latent": LATENT, "hidden": HIDDEN, "input": PIXELS, "condition": 0, "output": PIXELS}
BY_HAND = {
    "reparameterize": "myVAE.reparametrize(mu, logvar)",
    "mean_elbo": "myVAE.loss_function(x_hat, x, mu, logvar)",
    "quantize": "quantizer(inputs)",
}


def by_hand(code, probe):
    return BY_HAND[probe]


def watched(code, probe, inputs):
    """One of the probes below, asked twice: its answer, what is left of its inputs, and the gradients they get."""
    return asking.watched(lambda **given: globals()[probe](code, **given), inputs)


# ---------------------------------------------------------------- notebooks and their classes


def notebook(code, name):
    """The module made of a notebook, with the globals that its methods may read."""
    module = getattr(code, name)
    for key, value in GLOBALS.items():
        module.__dict__.setdefault(key, value)
    return module


def class_of(code, model):
    module, name = CLASS_OF[model]
    return getattr(notebook(code, module), name)


def declared(code, model):
    """How the notebook itself makes the class, call by call: its arguments by the names of the constructor."""
    module, name = CLASS_OF[model]
    calls = getattr(getattr(code, module), "__declared__", {}).get(name, [])
    return list(asking.arguments_of(class_of(code, model), calls))


def roles(cls, model):
    """Which parameter of a constructor is which size: by its name, else by its place."""
    known = ROLES.get(model, ROLES["myVAE"])
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = [name for name, each in inspect.signature(cls).parameters.items() if each.kind in kinds]
    found = {}
    for role, words in known.items():
        named = [name for name in names if name not in found.values() and any(word in name.lower() for word in words)]
        if named:
            found[role] = named[0]
    for place, role in enumerate(known):
        if role not in found and place < len(names) and names[place] not in found.values():
            found[role] = names[place]
    return found


def sizes_wanted(model):
    """What a deliverable fixes, whatever the notebook says."""
    if model == "autoencoder":
        return {"latent": 2, "input": PIXELS}
    if model == "baseline":
        return {"input": QUARTER}
    return {"input": PIXELS, "condition": CONDITIONS[model]} if model in CONDITIONS else {}


def built(code, model, **more):
    """An untrained model: sizes that are fixed, then those of the notebook's fitting call, then the handout's."""
    cls, wanted = class_of(code, model), {**sizes_wanted(model), **more}
    names = roles(cls, model)
    calls = declared(code, model)
    fits = [call for call in calls if call.get(names.get("condition"), 0) == wanted.get("condition", 0)]
    own = (fits or calls or [{}])[0]
    given = {**own, **{names[role]: value for role, value in wanted.items() if role in names}}
    for name, each in inspect.signature(cls).parameters.items():
        if name not in given and each.default is each.empty and name in names.values():
            given[name] = SIZES[next(role for role in names if names[role] == name)]
    return asking.settled(network := cls(**given), *first_passes(network, model))


def first_passes(network, model):
    """Ways to show a network its first two images."""
    x, labels = torch.full((2, 1, SIDE, SIDE), 0.5), torch.tensor([0, 1])
    if model == "baseline":
        quarter = x[:, :, SIDE // 2 :, : SIDE // 2]
        return lambda: network(quarter), lambda: network(quarter.flatten(1))
    c = condition(model, x, labels) if model in CONDITIONS else None
    return (lambda: called(network, x, c, labels),)


def chosen(code, model):
    """The model with its weights: those loaded or trained here, else an untrained one."""
    if model not in code.kept:
        code.kept[model] = built(code, model)
    return code.kept[model]


# ---------------------------------------------------------------- whatever the model


def image_of(answer, x):
    """The part of an answer that is images like x: an answer may have others beside it."""
    answer = several(answer)
    candidates = answer if isinstance(answer, list) else [answer]
    alike = [each for each in candidates if torch.is_tensor(each) and each.numel() == x.numel()]
    return (alike or candidates)[0]


def architecture(code, model):
    """What the untrained network does with two images."""
    network = built(code, model).eval()
    x = torch.rand(2, 1, SIDE, SIDE)
    return first_that_works((lambda: tracing.traced(network, x), lambda: tracing.traced(network, x.flatten(1))))[1]


def state(code, model, part=""):
    """Names and values of what an untrained or trained model holds; of one part of it, if named."""
    network = chosen(code, model)
    return contents(getattr(network, part) if part else network)


def load_state(code, model, names, values):
    """Puts weights into a new model."""
    network = built(code, model)
    put(network, names, values)
    code.kept[model] = network.eval()
    return len(names)


def recipe(code, model):
    """What the notebook declares of its training: learning rate and batch size, each None where it cannot be read."""
    module = notebook(code, CLASS_OF[model][0])
    calls = getattr(module, "__declared__", {})
    rates = [kwargs.get("lr", args[1] if len(args) > 1 else None) for args, kwargs in calls.get("Adam", [])]
    batches = [
        kwargs.get("batch_size", args[1] if len(args) > 1 else None) for args, kwargs in calls.get("DataLoader", [])
    ]
    rates += [module.__dict__.get(name) for name in ("learning_rate", "lr", "LEARNING_RATE", "LR")]
    batches += [module.__dict__.get(name) for name in ("batch_size", "BATCH_SIZE", "batchsize")]
    first = [next((value for value in values if isinstance(value, (int, float))), None) for values in (rates, batches)]
    return {"rate": first[0], "batch": first[1]}


# ---------------------------------------------------------------- deliverables 1 and 2


def encoded(network, x):
    """z by the encoder alone, which may want its images flat."""
    ways = (
        lambda: network.encoder(x),
        lambda: network.encoder(x.flatten(1)),
        lambda: network.encoder(x.flatten(1).unsqueeze(1)),
    )
    return first_that_works(ways)[1]


def decoded(network, z):
    """Images by the decoder alone, which may want a dimension more."""
    ways = (lambda: network.decoder(z), lambda: network.decoder(z.unsqueeze(1)))
    return first_that_works(ways)[1]


def autoencoder_pass(code, x, z):
    """forward of an untrained autoencoder, and its halves one after the other: of the same images, and of z [M, 2]."""
    network = built(code, "autoencoder").eval()
    with torch.no_grad():
        latent = encoded(network, x)
        return {
            "x_hat": drawn_again(network, x),
            "single": drawn_again(network, x[:1]),
            "latent": latent,
            "halves": first_that_works(
                (lambda: network.decoder(latent), lambda: decoded(network, latent.reshape(len(x), -1)))
            )[1],
            "decoded": decoded(network, z) if latent.numel() == len(x) * z.shape[1] else None,
        }


def drawn_again(network, x):
    """The images that forward gives; one that wants its images as rows may give rows."""
    flat, answer = first_that_works((lambda: network(x), lambda: network(x.flatten(1))))
    images = image_of(answer, x)
    return images.reshape(x.shape) if flat and torch.is_tensor(images) and images.numel() == x.numel() else images


def denoised(code, x):
    """What the denoising autoencoder makes of images [N, 1, 28, 28]: as it is, and of the first one alone."""
    network = chosen(code, "denoiser").eval()
    with torch.no_grad():
        return {"images": image_of(network(x), x), "single": image_of(network(x[:1]), x[:1])}


def functions_of(code, module):
    """The functions at the top of a notebook that can be called with a single thing."""
    found = {}
    for name, value in vars(notebook(code, module)).items():
        if inspect.isfunction(value) and value.__module__ == module and not name.startswith("_"):
            needed = [each for each in inspect.signature(value).parameters.values() if each.default is each.empty]
            if len(needed) == 1 and needed[0].kind is not inspect.Parameter.VAR_POSITIONAL:
                found[name] = value
    return found


def callables_of(module):
    """Objects with a __call__ that the notebook's own classes make without arguments, as transforms are written."""
    found = {}
    for name, cls in vars(module).items():
        own = inspect.isclass(cls) and cls.__module__ == module.__name__ and "__call__" in vars(cls)
        if own:
            with contextlib.suppress(Exception):  # of which arguments are asked
                found[f"{name}()"] = cls()
    return found


def tried(functions, images):
    """What functions make of images, where they make a tensor of them; one that is still to do says so."""
    found = []
    for name, function in functions.items():
        try:
            answer = function(images.clone())
        except NotImplementedError:
            raise
        except Exception:
            continue
        if torch.is_tensor(answer):
            found.append((f"{name}(images)", answer))
    return found


def noisy_images(code, images):
    """What the notebook makes of images where it adds noise to them: by functions of its own, and in its loops."""
    module = notebook(code, "Denoising_Autoencoder_Starter_Notebook")
    random = functions_with(code, module.__name__, excerpts.RANDOM)
    functions = functions_of(code, module.__name__).items()
    own = {name: function for name, function in functions if name in random or "nois" in name.lower()}
    return tried(own, images) + excerpts.noisy(whole_source(code, module), vars(module), images)


def clips_somewhere(code):
    """Whether anything is clipped anywhere in the notebook."""
    source = whole_source(code, notebook(code, "Denoising_Autoencoder_Starter_Notebook"))
    return any(word in source for word in ("clip(", "clip_(", "clamp", "minimum(", "hardtanh"))


def training_turns(code, images):
    """What the loops that train the DenoiseAE do with a batch of images: the text of each, what it shows the model, what the
    model answers, the loss made of that, whether it draws, and whether its batches are known to come without noise."""
    module = notebook(code, CLASS_OF["denoiser"][0])
    if draws_itself(code, class_of(code, "denoiser")):
        return []
    names = {*setups.names_bound_to(module, {"DenoiseAE"})}
    labels = torch.arange(len(images)) % CLASSES
    generator = torch.Generator().manual_seed(5)

    def answer(x):
        return 0.2 + 0.6 * torch.rand(x.shape, generator=generator)

    found = loops.turns(module, whole_source(code, module), names, (images, labels), answer)
    return [
        {
            "text": turn.text,
            "asked": turn.asked[-1],
            "answered": turn.answered[-1],
            "loss": turn.loss,
            "draws": turn.drew,
            "plain": turn.plain,
        }
        for turn in found
        if turn.answered
    ]


def draws_itself(code, cls):
    """Whether a network's class, or another that it may be made of, draws noise by itself: it is shown clean images."""
    classes = [node for node in ast.walk(code.source(cls.__module__)) if isinstance(node, ast.ClassDef)]
    networks = [node for node in classes if any(getattr(each, "name", "") == "forward" for each in node.body)]
    return any(calls_in(node) & excerpts.RANDOM for node in networks)


def functions_with(code, name, calls):
    """The names of functions that call one of these."""
    nodes = [node for node in ast.walk(code.source(name)) if isinstance(node, ast.FunctionDef)]
    return {
        node.name
        for node in nodes
        if {
            getattr(part.func, "attr", getattr(part.func, "id", ""))
            for part in ast.walk(node)
            if isinstance(part, ast.Call)
        }
        & calls
    }


def quarters(code, images):
    """What the notebook takes of images: by functions of its own, and by subscripts in its loops and functions."""
    module = notebook(code, "VAE_Starter_Notebook")
    source = whole_source(code, module)
    functions = {**functions_of(code, module.__name__), **callables_of(module)}
    found = tried(functions, images) + excerpts.parts(source, vars(module), images)
    names = {*setups.names_bound_to(module, {"myVAE", "BaselineNN"})}
    turns = loops.turns(module, source, names, (images, torch.arange(len(images)) % CLASSES), None)
    return found + [(turn.text, each) for turn in turns for each in turn.asked]


def whole_source(code, module):
    """What was left out of a notebook, and what was not."""
    return "\n".join([getattr(module, "__rest__", ""), ast.unparse(code.source(module.__name__))])


# ---------------------------------------------------------------- deliverables 3 to 5


def method(code, names, count):
    """A function of myVAE by one of its names, however it is bound; else one beside it in the notebook. count: of its
    arguments, without self"""
    cls = class_of(code, "vae")
    for name in names:
        raw = inspect.getattr_static(cls, name, None)
        if raw is not None:
            return getattr(
                cls if isinstance(raw, (staticmethod, classmethod)) or unbound(raw, count) else built(code, "vae"), name
            )
    module = notebook(code, CLASS_OF["vae"][0])
    for name in names:
        if callable(vars(module).get(name)):
            return vars(module)[name]
    raise AttributeError(f"myVAE has no {names[0]}")


def unbound(function, count):
    """Whether a function that stands in a class without a decorator was written without self."""
    needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    return len(needed) == count and next(iter(inspect.signature(function).parameters)) != "self"


DRAWING = ("reparametrize", "reparameterize", "reparametrise", "reparameterise")


def reparameterize(code, mu, logvar):
    with torch.no_grad():
        return method(code, DRAWING, 2)(mu, logvar)


def reparameterize_gradient(code, mu, logvar):
    mu.requires_grad_(True)
    logvar.requires_grad_(True)
    z = method(code, DRAWING, 2)(mu, logvar)
    z.sum().backward()
    return {"z": z, "mu": mu.grad, "logvar": logvar.grad}


def mean_elbo(code, x_hat, x, mu, logvar, flat=False):
    """loss_function; one number per image is averaged, as the training loop of such a notebook does.

    flat: whether the images are handed over as rows, as many such notebooks have them
    """
    if flat:
        x_hat, x = x_hat.flatten(1), x.flatten(1)
    loss = method(code, ("loss_function", "loss", "loss_fn"), 4)(x_hat, x, mu, logvar)
    return loss.mean() if torch.is_tensor(loss) and loss.ndim == 1 else loss


def condition(model, x, labels):
    """What the model is told beside the images: nothing, one-hot labels, or the lower left quarter."""
    if model == "cvae":
        return F.one_hot(labels, CLASSES).float()
    return x[:, :, SIDE // 2 :, : SIDE // 2].flatten(1) if model == "structured" else None


def called(network, x, c, labels):
    """forward, in the first of the ways that it can be called: (x_hat, mu, logvar), each with N rows."""
    flat = x.flatten(1)
    if c is None:
        ways = (lambda: network(x), lambda: network(flat), lambda: network(x, None))
    else:
        ways = (
            lambda: network(x, c),
            lambda: network(flat, c),
            lambda: network(x, labels),
            lambda: network(flat, labels),
            lambda: network(x, labels, one_hot=True),
            lambda: network(flat, labels, one_hot=True),
        )
    answer = several(first_that_works(ways)[1])
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return answer
    x_hat, mu, logvar = answer
    rows = [
        each.reshape(len(x), -1) if torch.is_tensor(each) and each.numel() % len(x) == 0 else each
        for each in (mu, logvar)
    ]
    return [x_hat.reshape(x.shape) if torch.is_tensor(x_hat) and x_hat.numel() == x.numel() else x_hat, *rows]


@contextlib.contextmanager
def drawing_replaced(code, fake):
    """reparametrize, under whatever name and wherever it stands, replaced by a known function."""
    cls, module = class_of(code, "vae"), notebook(code, CLASS_OF["vae"][0])
    before = {(owner, name): vars(owner)[name] for owner in (cls, module) for name in DRAWING if name in vars(owner)}
    try:
        for owner, name in before:
            setattr(owner, name, staticmethod(fake) if owner is cls else fake)
        yield
    finally:
        for (owner, name), value in before.items():
            setattr(owner, name, value)


def vae_pass(code, model, x, classes, z, latent_size=LATENT):
    """forward of an untrained model, with `z` and with another in the place of what reparametrize draws; and the decoder
    alone. The model is the same for the same seed."""
    network, asked = built(code, model, latent=latent_size), []
    c = None if classes is None else told(model, classes)

    def drawing(value):
        def fake(*args, **kwargs):
            given = [torch.as_tensor(each) for each in (*args, *kwargs.values()) if torch.is_tensor(each)]
            asked.append([each.detach().clone().reshape(len(x), -1) for each in given])
            drawn = value.reshape(given[0].shape) if given[0].numel() == z.numel() else torch.zeros_like(given[0])
            return drawn + 0 * sum(each.sum() for each in given)

        return fake

    network.eval()
    with seams.drawing_as_in_training(network):
        with drawing_replaced(code, drawing(z + 1)):
            drawn = called(network, x, c, classes)
        asked.clear()
        with drawing_replaced(code, drawing(z)):
            put = called(network, x, c, classes)
    answer = {"drawn": drawn, "put": put, "asked": asked[0] if asked else None, "decoder": alone(network, z, c)}
    return {**answer, "encoder_learns": encoder_learns(network, put)}


def encoder_learns(network, put):
    """Whether a gradient of the images reaches the layer that gives mu; None where there is no such layer."""
    weight = getattr(getattr(network, "mean_layer", None), "weight", None)
    if weight is None or not isinstance(put, list) or not torch.is_tensor(put[0]):
        return None
    if not put[0].requires_grad:
        return False
    gradient = torch.autograd.grad(put[0].sum(), weight, allow_unused=True)[0]
    return gradient is not None


def told(model, classes):
    """A condition for each class: one-hot, or a quarter image that is the same for all of the class."""
    if model == "cvae":
        return F.one_hot(classes, CLASSES).float()
    return torch.rand(CLASSES, QUARTER, generator=torch.Generator().manual_seed(0))[classes]


def alone(network, z, c):
    """The decoder by itself: of z, or of z with the condition before or behind it; None for a way that it does not take."""
    ways = {"plain": (z,)} if c is None else {"behind": (z, c), "before": (c, z)}
    answers, said = {}, ""
    for name, parts in ways.items():
        try:
            with torch.no_grad():
                answers[name] = decoded(network, torch.cat(parts, dim=1))
        except Exception as error:
            answers[name], said = None, said or f"{type(error).__name__}: {error}"
    return {**answers, "said": said}


def widths(code, model):
    """How many columns the first layers of encoder and decoder take."""
    network = built(code, model)
    return [first_width(network.encoder), first_width(network.decoder)]


def first_width(part):
    return next(value.shape[1] for _, value in held(part) if value.ndim == 2)


def baseline_pass(code, x):
    """BaselineNN of quarters [N, 196], twice."""
    network = built(code, "baseline").eval()
    with torch.no_grad():
        return {"first": predicted(network, x), "second": predicted(network, x)}


def predicted(network, quarter):
    square = quarter.reshape(-1, 1, SIDE // 2, SIDE // 2)
    return first_that_works((lambda: network(quarter), lambda: network(square), lambda: network(square.squeeze(1))))[1]


# ---------------------------------------------------------------- training


def training_images(code, images, labels):
    """Kept for the epochs to come: uint8 [N, 1, 28, 28] and [N]."""
    code.kept["images"], code.kept["labels"] = images, labels
    return len(images)


def begin_training(code, model, rate):
    """A fresh model and its Adam, and the loss of a first batch of random images: whether there is anything to train."""
    code.kept[model] = built(code, model).train()
    parameters = {id(value): value for _, value in held(code.kept[model]) if isinstance(value, torch.nn.Parameter)}
    code.kept["optimizer"] = torch.optim.Adam(parameters.values(), lr=rate, fused=True)
    with torch.no_grad():
        return batch_loss(code, model, torch.rand(4, 1, SIDE, SIDE), torch.arange(4)).item()


def batch_loss(code, model, x, labels):
    """The handout's loss of one batch: mean squared error, or the submission's own loss_function."""
    network = code.kept[model]
    if model == "autoencoder":
        return F.mse_loss(drawn_again(network, x).reshape(x.shape), x)
    if model == "denoiser":
        noisy = (x + 0.5 * torch.randn_like(x)).clamp(0, 1)
        return F.mse_loss(image_of(network(noisy), x).reshape(x.shape), x)
    c = condition(model if model != "baseline" else "structured", x, labels)
    if model == "baseline":
        return F.binary_cross_entropy(predicted(network, c).reshape(x.shape), x)
    x_hat, mu, logvar = called(network, x, c, labels)
    return mean_elbo(code, x_hat.reshape(x.shape), x, mu, logvar)


def train_epoch(code, model, batch):
    """One epoch of the handout's recipe, without a last batch that is not full; the mean loss of its batches."""
    images, labels, optimizer = code.kept["images"], code.kept["labels"], code.kept["optimizer"]
    code.kept[model].train()
    losses = []
    for chosen_ones in torch.randperm(len(images)).split(batch):
        if len(chosen_ones) < batch and losses:
            break
        loss = batch_loss(code, model, images[chosen_ones].float() / 255, labels[chosen_ones])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            return losses[-1]  # what follows would only crash
    return sum(losses) / len(losses)


def encode(code, model, x, classes):
    """z [N, 2] of an autoencoder; mu and logvar [N, Z] of a variational one."""
    network = chosen(code, model).eval()
    with torch.no_grad():
        if model == "autoencoder":
            return encoded(network, x).reshape(len(x), -1)
        return called(network, x, condition(model, x, classes), classes)[1:]


def decode(code, model, z, c):
    """Images of latent vectors [N, Z], with conditions [N, C] behind them or None."""
    network = chosen(code, model).eval()
    with torch.no_grad():
        return decoded(network, z if c is None else torch.cat([z, c], dim=1))


def predict(code, quarter):
    """What BaselineNN makes of quarters [N, 196]."""
    with torch.no_grad():
        return predicted(chosen(code, "baseline").eval(), quarter)


# ---------------------------------------------------------------- deliverable 6: the quantizer

LIKELY = {"decay": 0.99, "epsilon": 1e-5, "eps": 1e-5}  # what quantizers with moving averages want besides


def quantizer_class(code):
    """VectorQuantizer, or the one with moving averages that the public notebook has beside it."""
    own = notebook(code, "VQ_VAE_Notebook")
    other = getattr(own, "VectorQuantizerEMA", None)
    return own.VectorQuantizer if other is None else getattr(own, "VectorQuantizer", other)


def new_quantizer(code, count, width, cost):
    """count: K;  width: D. By name where the arguments bear the handout's names, else in its order."""
    cls, given = quantizer_class(code), {"num_embeddings": count, "embedding_dim": width, "commitment_cost": cost}
    wanted = inspect.signature(cls.__init__).parameters.values()
    more = {each.name: LIKELY[each.name] for each in wanted if each.default is each.empty and each.name in LIKELY}
    if set(given) <= {each.name for each in wanted}:
        return cls(**given, **more)
    return cls(*given.values(), **more)


def codebooks(quantizer, shape):
    """What may hold the codes: parameters of shape [K, D] or [D, K]; where there is none, buffers."""
    for tensors in (quantizer.parameters(), quantizer.buffers()):
        if found := [each for each in tensors if sorted(each.shape) == sorted(shape) and each.is_floating_point()]:
            return found
    return []


def with_codes(code, inputs, codes, cost):
    """A quantizer in evaluation mode that has these codes, and what holds them. It has run once before: some set their
    codebooks up by the first batch."""
    quantizer = new_quantizer(code, *codes.shape, cost)
    with contextlib.suppress(Exception):  # it will be raised again, by the question itself
        quantizer.train()(inputs.clone())
    found = codebooks(quantizer, codes.shape)
    put_in(found, codes)
    return quantizer.eval(), found


def put_in(found, codes):
    with torch.no_grad():
        for each in found:
            each.copy_(codes if each.shape == codes.shape else codes.T)


def flat(answer):
    """Whatever a forward returns, as a list."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return [leaf for part in answer for leaf in flat(part)]
    return [answer]


def quantized_among(answers, inputs):
    """The one of the answers that is the quantized tensor: shaped like the inputs, or like them with channels last; None
    where there is none. One with a gradient rather than without, and the inputs themselves last of all."""
    tensors = [each for each in answers if isinstance(each, Tensor) and each.is_floating_point()]
    for shape in (inputs.shape, inputs.permute(0, 2, 3, 1).shape):
        if found := [each for each in tensors if each.shape == shape and each.ndim == 4]:
            return min(found, key=lambda each: (each is inputs, not each.requires_grad, torch.equal(each, inputs)))
    return None


def numbers_among(answers, quantized):
    """The answers that are one number each: tensors or floats."""
    single = [each for each in answers if isinstance(each, Tensor) and each.is_floating_point() and each.numel() == 1]
    return [each for each in answers if isinstance(each, float) or any(each is other for other in single)]


def learns(answer):
    return isinstance(answer, Tensor) and answer.requires_grad


def gradients(output, inputs, held, shape, cotangent=None):
    """The gradients that `inputs` and the codes get from one output; None where none arrives."""
    if not learns(output):
        return {"learns": False, "inputs": None, "codes": None}
    found = torch.autograd.grad(
        output, [inputs, *learned(held)], cotangent, retain_graph=True, allow_unused=True, materialize_grads=False
    )
    codes = [each if each.shape == shape else each.T for each in found[1:] if each is not None]
    return {"learns": True, "inputs": found[0], "codes": sum(codes) if codes else None}


def learned(held):
    return [each for each in held if each.requires_grad]


def quantize(code, inputs, codes, cost, cotangent):
    """One forward pass of VectorQuantizer(K, D, cost) with these codes [K, D] on inputs [B, D, H, W].

    cotangent: like inputs; the gradient that arrives at the quantized tensor
    """
    quantizer, held = with_codes(code, inputs, codes, cost)
    leaf = inputs.clone().requires_grad_()
    given = leaf * 1  # as a network's output comes: unlike a leaf, it may be changed in place
    answer = quantizer(given)
    answers = flat(answer)
    quantized = quantized_among(answers, given)
    numbers = numbers_among(answers, quantized)
    through = None
    if quantized is not None:
        arriving = cotangent if quantized.shape == inputs.shape else cotangent.permute(0, 2, 3, 1)
        through = gradients(quantized, leaf, held, codes.shape, arriving)
    return {
        "quantized": quantized,
        "codebooks": len(held),
        "through": through,
        "numbers": [{"value": each, **gradients(each, leaf, held, codes.shape)} for each in numbers],
        "place": place_of(quantized, answer),
        "returned": ", ".join(described(each) for each in answers),
    }


def place_of(part, answer):
    """Where it is in a tuple, as Python is asked for it."""
    places = enumerate(answer) if isinstance(answer, list | tuple) else ()
    return next((f"[{place}]" for place, each in places if each is part), "")


def described(answer):
    return str(list(answer.shape)) if isinstance(answer, Tensor) else type(answer).__name__


def codebook_moves(code, inputs, codes, cost):
    """Whether a forward pass in training mode changes the codes by itself, as moving averages do."""
    quantizer, _ = with_codes(code, inputs, codes, cost)
    quantizer.train()(inputs.clone())
    now = codebooks(quantizer, codes.shape)  # a parameter may have taken the place of another
    return any(not torch.equal(each, codes if each.shape == codes.shape else codes.T) for each in now)


# ---------------------------------------------------------------- deliverable 6: the model

MODEL_SIZES = {
    "num_hiddens": 128,
    "num_residual_layers": 2,
    "num_residual_hiddens": 32,
    "num_embeddings": 40,
    "embedding_dim": 24,
}
PERPLEXITY = 3.5  # of the stand-in


def vq_model(code, x, scale, cost):
    """One forward pass of a Model, around a quantizer whose answers are known: `scale` times a fixed grid of codes, a loss
    and a perplexity, wherever it is that the quantizer returns them.

    `built`: what the quantizer was made with, in the handout's order where it is `built_by_name`;  `asked`: what reached it;
    `losses`: what it answered;  `uses_codes`: where it was not asked, whether its codes matter all the same
    """
    model, quantizers, built = with_its_quantizers(code, cost)
    asked, losses = [], []
    try:
        answers = passed(model, quantizers, x, Stand(scale, asked, losses))
    except NotImplementedError:
        raise
    except Exception:  # it may be right for a quantizer whose channels come last, if that is its own way
        asked.clear()
        losses.clear()
        answers = passed(model, quantizers, x, Stand(scale, asked, losses, own_layout=True))
    images = [each for each in answers if isinstance(each, Tensor) and each.shape == x.shape]
    return {
        "x_recon": images[0] if images else None,
        "numbers": numbers_among(answers, None),
        "asked": asked[0] if asked else None,
        "losses": losses,
        **(built[0] if built else {"built": None, "built_by_name": False}),
        "uses_codes": not asked and uses_codes(model, quantizers, x),
        "returned": ", ".join(described(each) for each in answers),
    }


def with_its_quantizers(code, cost):
    """A Model in evaluation mode, the same for the same sizes; its quantizers; and what they were made with."""
    own, built = notebook(code, "VQ_VAE_Notebook"), []
    classes = tuple(
        each for name, each in vars(own).items() if name.startswith("VectorQuantizer") and inspect.isclass(each)
    )
    torch.manual_seed(0)
    with contextlib.ExitStack() as stack:
        for cls in classes:
            stack.enter_context(replaced(cls, __init__=noting(cls.__init__, built)))
        model = with_sizes(own.Model, {**MODEL_SIZES, "commitment_cost": cost}).eval()
    return model, [part for part in model.modules() if isinstance(part, classes)], built


def with_sizes(cls, given):
    names = inspect.signature(cls.__init__).parameters
    return cls(**given) if set(given) <= set(names) else cls(*given.values())


def noting(original, built):
    """An __init__ that takes down the first three arguments: by the handout's names, else in their order."""

    def __init__(self, *args, **kwargs):
        bound = inspect.signature(original).bind(self, *args, **kwargs)
        bound.apply_defaults()
        names = ("num_embeddings", "embedding_dim", "commitment_cost")
        by_name = set(names) <= set(bound.arguments)
        found = [bound.arguments[name] for name in names] if by_name else [*args, *kwargs.values()][:3]
        built.append({"built": [float(each) for each in found], "built_by_name": by_name})
        original(self, *args, **kwargs)

    return __init__


class Stand:
    """In the place of a quantizer's forward: answers as the real one does, in its own order, with known tensors in the place
    of its answers. Where it answers with several losses, each is another one."""

    def __init__(self, scale, asked, losses, own_layout=False):
        self.scale, self.asked, self.losses, self.own_layout = scale, asked, losses, own_layout

    def __call__(self, forward, z, *args, **kwargs):
        self.asked.append(z.detach().clone())
        grid = self.scale * torch.randn(z.shape, generator=torch.Generator().manual_seed(1))
        try:
            real = forward(z, *args, **kwargs)
        except NotImplementedError:
            raise
        except Exception:  # the quantizer's own rows tell of it
            self.losses.append(0.625)
            return torch.tensor(0.625), grid, torch.tensor(PERPLEXITY), torch.zeros(1)
        return exchanged(real, self.known(flat(real), z, grid))

    def known(self, answers, z, grid):
        """What to put in the place of each answer."""
        quantized = quantized_among(answers, z)
        numbers = numbers_among(answers, quantized)
        came_last = self.own_layout and quantized is not None and quantized.shape != z.shape
        known = {id(each): torch.tensor(PERPLEXITY) for each in numbers}
        for number in [each for each in numbers if learns(each)] or numbers[:1]:
            self.losses.append(0.625 / 2 ** len(self.losses))
            known[id(number)] = torch.tensor(self.losses[-1], requires_grad=True)
        return {**known, id(quantized): grid.permute(0, 2, 3, 1) if came_last else grid}


def passed(model, quantizers, x, stand):
    """What a forward pass answers, with a stand-in in the place of every quantizer's own."""
    with contextlib.ExitStack() as stack:
        for part in quantizers:
            stack.enter_context(replaced(part, forward=functools.partial(stand, part.forward)))
        return flat(model(x.clone()))


def uses_codes(model, quantizers, x):
    """Whether other numbers in the quantizers' own tensors change the images that come out."""
    before = flat(model(x.clone()))
    with torch.no_grad():
        for part in quantizers:
            for held in (*part.parameters(), *part.buffers()):
                held.mul_(-2).add_(1)
    pairs = [(one, other) for one, other in zip(before, flat(model(x.clone())), strict=True) if isinstance(one, Tensor)]
    return any(one.shape == x.shape and not torch.equal(one, other) for one, other in pairs)


def exchanged(answer, known):
    """The same structure, with known tensors in the place of some."""
    if isinstance(answer, dict):
        return type(answer)((key, exchanged(value, known)) for key, value in answer.items())
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return type(answer)(*(exchanged(part, known) for part in answer))
    if isinstance(answer, list | tuple):
        return type(answer)(exchanged(part, known) for part in answer)
    return known.get(id(answer), answer)
