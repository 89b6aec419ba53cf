"""How to ask cmput328_a5: the conditional VAE and the conditional diffusion model.

Constructors are the student's own, so a model is what `load_vae_and_generate` or `load_diffusion_and_generate` builds on
its way. With `fresh` weights those of the file are not needed, and one mistake costs once.
"""

import contextlib
import copy
import functools
import inspect

import torch
from elbograde_inside import seams
from elbograde_inside.asking import first_that_works, like, replaced, settled, several
from elbograde_inside.seeding import seed_everything
from torch import nn

VAE = ("A5_vae_submission", "VAE", "load_vae_and_generate")
DIFFUSION = ("A5_diffusion_submission", "DiffusionModel", "load_diffusion_and_generate")
WEIGHTS = {VAE[0]: "vae.pt", DIFFUSION[0]: "diffusion.pt"}
CPU = torch.device("cpu")
SIZES = {"hidden_dim": 64, "latent_dim": 16, "class_emb_dim": 16, "time_emb_dim": 32, "num_classes": 10}


# ---------------------------------------------------------------- models


class Reached(BaseException):
    """The loader has come to the point where it would generate: here is its model."""

    def __init__(self, model):
        self.model = model


class Nothing(dict):
    """A checkpoint without weights, whichever way the loader looks into it."""

    def __missing__(self, key):
        return self


def loaded_by(module, cls, loader):
    """The model that the loader is about to generate with."""

    def reached(self, *args, **kwargs):
        raise Reached(self)

    with replaced(cls, generate_sample=reached):
        try:
            getattr(module, loader)()
        except Reached as there:
            return there.model.eval()
    raise RuntimeError(f"{loader} never calls generate_sample of {cls.__name__}")


def built_from_signature(cls):
    """An instance made from the constructor's own defaults, or from the starter's argument names."""
    wanted = inspect.signature(cls).parameters.values()
    return cls(**{p.name: SIZES[p.name] for p in wanted if p.default is p.empty and p.name in SIZES})


def fresh(code, kind):
    """A model with weights that no file is needed for; zero-initialised layers are moved off zero, so that what a model
    depends on can be seen in it before it is trained."""
    if kind not in code.kept:
        with torch.random.fork_rng(devices=[]):  # building a model must not change what is drawn afterwards
            code.kept[kind] = build_fresh(code, *kind)
    return code.kept[kind]


def build_fresh(code, file, name, loader):
    module = getattr(code, file)
    cls = getattr(module, name)
    nothing = {"load": lambda *args, **kwargs: Nothing()}
    ignored = {"load_state_dict": lambda self, *args, **kwargs: None}
    try:
        with replaced(torch, **nothing), replaced(nn.Module, **ignored):
            model = loaded_by(module, cls, loader)
    except Exception:
        if name == "DiffusionModel":
            network = built_from_signature(module.NoiseEstimatingNet)
            model = cls(network=network, var_scheduler=made_scheduler(code))
        else:
            model = built_from_signature(cls)
    x, y = torch.full((2, 1, 28, 28), 0.5), torch.tensor([0, 1])
    settled(model, lambda: model(x, y))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    return model.eval()


def formulas(code, kind):
    """A model whose methods can be asked even where its constructor does not work: a formula needs no layers."""
    file, name, _ = kind
    try:
        return fresh(code, kind)
    except Exception:
        cls = getattr(getattr(code, file), name)
        model = cls.__new__(cls)
        nn.Module.__init__(model)
        return model.eval()


def trained(code, kind):
    """The model with the weights that were handed in."""
    file, name, loader = kind
    key = ("trained", name)
    if key not in code.kept:
        module = getattr(code, file)
        with torch.random.fork_rng(devices=[]):
            code.kept[key] = loaded_by(module, getattr(module, name), loader)
    return code.kept[key]


def state_shapes(code, file):
    """Names and shapes of the parameters and buffers that the weights in `file` must fit."""
    kind = {"vae.pt": VAE, "diffusion.pt": DIFFUSION}[file]
    return {name: list(value.shape) for name, value in fresh(code, kind).state_dict().items()}


def generated(model, labels):
    return model.generate_sample(len(labels), labels, CPU)


def weights_of(model, path):
    """How many of a model's tensors are in a weights file, and how many there might be: constants tell nothing."""
    kept = []

    def gather(value):
        if isinstance(value, torch.Tensor):
            kept.append(value)
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
            gather(inner)

    gather(torch.load(path, map_location="cpu", weights_only=True))
    telling = [each for each in model.state_dict().values() if each.is_floating_point() and each.numel() > 1]
    telling = [each for each in telling if not torch.equal(each, each.flatten()[0].expand_as(each))]
    found = [
        any(each.shape == one.shape and torch.allclose(each, one.to(each), 0, 0, True) for one in kept)
        for each in telling
    ]
    return sum(found), len(telling)


def load_and_generate(code, kind):
    """Runs the loader as it stands; tells which labels it asked for and how often the network was called."""
    file, name, loader = kind
    module = getattr(code, file)
    cls = getattr(module, name)
    original = cls.generate_sample
    seen = {"labels": None, "count": None, "calls": 0, "timesteps": set(), "generated": None, "known": 0, "found": 0}

    def count(network, args, kwargs):
        seen["calls"] += 1
        timestep = args[1] if len(args) > 1 else kwargs.get("timestep", kwargs.get("t"))
        if timestep is not None:
            seen["timesteps"].add(float(torch.as_tensor(timestep).flatten()[0]))

    @functools.wraps(original)
    def watched(self, *args, **kwargs):
        given = list(inspect.signature(original).bind(self, *args, **kwargs).arguments.values())
        seen["count"], seen["labels"] = int(given[1]), torch.as_tensor(given[2])
        network = getattr(self, "network", None)
        hook = network.register_forward_pre_hook(count, with_kwargs=True) if isinstance(network, nn.Module) else None
        seen["found"], seen["known"] = weights_of(self, code.folder / WEIGHTS[file])
        try:
            seen["generated"] = original(self, *args, **kwargs)
            return seen["generated"]
        finally:
            if hook is not None:
                hook.remove()

    with replaced(cls, generate_sample=watched):
        images = getattr(module, loader)()
    return {**seen, "timesteps": len(seen["timesteps"]), "images": images}


# ---------------------------------------------------------------- task 1: the VAE


def vae_forward(code, x, y):
    model = fresh(code, VAE)
    with torch.no_grad(), mended(model):
        return several(model(x, y))


def vae_draws(code, x, y):
    """forward twice, as in training: what it returns, and what it hands reparameterize first; None where it does not.

    A draw of ours stands in for reparameterize, so that a mistake there costs nothing here.
    """
    model, handed = fresh(code, VAE), []

    def heard(*args, **kwargs):
        handed.append([*args, *kwargs.values()][:2])
        return handed[-1][0] + torch.randn_like(handed[-1][0])

    hearing = replaced(model, reparameterize=heard) if hasattr(model, "reparameterize") else contextlib.nullcontext()
    with torch.no_grad(), mended(model), hearing, seams.drawing_as_in_training(model):
        first, second = several(model(x, y)), several(model(x, y))
    return {"handed": handed[0] if handed else None, "first": first, "second": second}


def mended(model):
    """A model that may be asked for more than a reparameterize that raises."""
    return seams.drawing_mended(type(model), "reparameterize", getattr(model, "reparameterize", lambda *_: None))


def reparameterize(code, mu, logvar):
    model = formulas(code, VAE)
    with torch.no_grad(), seams.drawing_as_in_training(model):
        return model.reparameterize(mu, logvar)


def reparameterize_gradient(code, mu, logvar):
    mu.requires_grad_(True)
    logvar.requires_grad_(True)
    model = formulas(code, VAE)
    with seams.drawing_as_in_training(model):
        z = model.reparameterize(mu, logvar)
    z.sum().backward()
    return {"z": z, "mu": mu.grad, "logvar": logvar.grad}


def kl_to_standard_normal(code, mu, logvar):
    with torch.no_grad():
        return formulas(code, VAE).kl_loss(mu, logvar)


def vae_losses(code, x, y, x_hat, stand_in=False):
    """get_loss with the reconstruction put in its way.

    stand_in: whether a known number takes the place of what kl_loss gives; else `own_kl` is what it gives
    `own`: the model's own reconstruction, and `wide`: that of the same model with larger weights, which leaves [0, 1] where
    nothing bounds it
    """
    model, asked = fresh(code, VAE), []
    with torch.no_grad(), mended(model):
        answer, wide = passed_or_known(model, x, y, x_hat)
        own, mu, logvar = several(answer)
        own_kl = None if stand_in else model.kl_loss(mu, logvar)

        def forward(*args, **kwargs):
            asked.append(True)
            return like(answer, [x_hat, mu, logvar])

        model.forward = forward
        if stand_in:
            model.kl_loss = lambda *args, **kwargs: torch.tensor(KNOWN_KL)
        try:
            losses = several(model.get_loss(x, y))
        finally:
            for name in ("forward", "kl_loss"):
                model.__dict__.pop(name, None)
    known = {"own_kl": own_kl, "known_kl": KNOWN_KL if stand_in else None}
    return {"losses": losses, "put_in": bool(asked), "mu": mu, "logvar": logvar, "own": own, "wide": wide, **known}


KNOWN_KL = 3.5  # what the stand-in for kl_loss answers


def passed_or_known(model, x, y, x_hat):
    """What forward answers, and its reconstruction with larger weights; known numbers where forward raises."""
    try:
        return model(x, y), wide_reconstruction(model, x, y)
    except Exception:
        mu = torch.linspace(-1, 1, 4 * len(x)).view(len(x), 4)
        return (x_hat, mu, 0.5 * mu.flip(0)), x_hat


def wide_reconstruction(model, x, y):
    """What the model decodes with weights that are as much larger as leaves its numbers finite."""
    found = (several(widened(model, factor)(x, y))[0] for factor in (8, 4, 2, 1.5))
    return next((each for each in found if torch.isfinite(each).all()), several(model(x, y))[0])


def widened(model, factor):
    """The same model with every weight so many times as large."""
    wide = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter.mul_(factor)
    return wide


def vae_losses_alone(code, x, y):
    """get_loss as it stands, with reconstructions that the same model makes of the same images, other z in each.

    The decoder's parameters are larger than they begin, so that what a fresh model decodes is no even grey.
    """
    for factor in (3, 2, 1):
        model = copy.deepcopy(fresh(code, VAE))  # others ask the same model as it was
        decoding = [parameter for name, parameter in model.named_parameters() if "dec" in name.lower()]
        with torch.no_grad(), mended(model):
            for parameter in decoding:
                parameter.mul_(factor)
            own = torch.stack([several(model(x, y))[0] for _ in range(16)])
            answer = {"losses": several(model.get_loss(x, y)), "own": own}
        if torch.isfinite(answer["own"]).all():
            break
    return answer


def vae_loss_gradients(code, x, y):
    """The size of the gradient that each half of the loss sends to the parameters; None where it sends none.

    Known functions take the places of a kl_loss, a forward and a reparameterize that raise.
    """
    model = fresh(code, VAE)

    def kl_loss(self, *args, **kwargs):
        return sum((value**2).mean() for value in [*args, *kwargs.values()][:2])

    def forward(self, x, y):
        moved = 1e-6 * sum(parameter.sum() for parameter in model.parameters())
        latents = moved + torch.linspace(-1, 1, 4).expand(len(x), 4)
        return 0.5 * x + 0.2 + moved, latents, latents / 2

    ways = ({}, {"kl_loss": kl_loss}, {"forward": forward}, {"kl_loss": kl_loss, "forward": forward})
    with mended(model):
        return first_that_works(lambda way=way: gradient_sizes_of(model, x, y, way) for way in ways)[1]


def gradient_sizes_of(model, x, y, stand_ins):
    there = {name: function for name, function in stand_ins.items() if hasattr(type(model), name)}
    with replaced(type(model), **there):
        try:
            return gradient_sizes(model, x, y)
        except NotImplementedError as error:  # it may be of a function that has a row of its own
            raise RuntimeError("still to do") from error


def gradient_sizes(model, x, y):
    sizes = []
    for half in range(2):
        model.zero_grad(set_to_none=True)
        loss = torch.as_tensor(several(model.get_loss(x, y))[half])
        if loss.requires_grad:
            loss.sum().backward()
        grads = [parameter.grad.norm() for parameter in model.parameters() if parameter.grad is not None]
        sizes.append(torch.stack(grads).norm() if grads else None)
    return sizes


def vae_generate_fresh(code, labels, factor=1):
    """`handed`: what the first layer that z reaches is handed, in two calls; None where no such layer can be told.

    factor: by which every weight is multiplied
    """
    model = widened(fresh(code, VAE), factor)
    images = generated(model, labels)
    handed = seams.drawn_inputs(model, lambda: generated(model, labels))
    return {"images": images, "requires_grad": bool(images.requires_grad), "handed": handed}


def vae_load_and_generate(code):
    return load_and_generate(code, VAE)


def vae_generate(code, labels):
    with torch.no_grad():
        return generated(trained(code, VAE), labels)


def encode(code, x, y):
    with torch.no_grad():
        return several(trained(code, VAE)(x, y))[1:]


def decode(code, z, y):
    """The decoder alone: the image is withheld, and z is put in the place of the sample."""
    with torch.no_grad():
        return decoded(trained(code, VAE), z, y)


def decoded(model, z, y):
    """What forward decodes where it gets z for its sample, whether a method draws that or forward itself."""
    used, grey = [], torch.zeros(len(z), 1, 28, 28)

    def reparameterize(*args, **kwargs):
        used.append(True)
        return z

    if hasattr(model, "reparameterize"):
        with replaced(model, reparameterize=reparameterize):
            images = several(model(grey, y))[0]
        if used:
            return images
    images = seams.heard(model, lambda: model(grey, y), lambda *both: used.append(True) or both, z)
    if not used:
        raise RuntimeError(
            "forward calls neither self.reparameterize nor an encoder, so the decoder cannot be asked alone"
        )
    return several(images)[0]


def vae_decoding(code, x, y):
    """The decoder alone, of z that are made of the pixels of x [N, 1, 28, 28]: of mean 0 and variance 1 where those are
    uniform on [0, 1]."""
    model = trained(code, VAE)
    with torch.no_grad():
        width = several(model(x, y))[1].shape[-1]
        z = (x.flatten(1).repeat(1, 1 + width // 784)[:, :width] - 0.5) * 12**0.5
        return decoded(model, z, y)


def vae_passing(code, x, y):
    """What the trained model reconstructs, always with the same noise."""
    model = trained(code, VAE)
    with torch.no_grad():
        seed_everything(0)
        return several(model(x, y))[0]


# ---------------------------------------------------------------- task 2: diffusion


class Network(nn.Module):
    """A noise estimate that is known, with the arguments it was asked with."""

    def __init__(self, estimate):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.estimate, self.asked = estimate, []

    def forward(self, *args, **kwargs):
        x, timestep, y = [*args, *kwargs.values()][:3]
        timestep = torch.as_tensor(timestep).detach().reshape(-1).expand(len(x))
        y = torch.as_tensor(y).detach().reshape(-1).expand(len(x))
        output = self.estimate(x, timestep, y)
        self.asked.append((x.detach().clone(), timestep.clone(), y.clone(), output.detach().clone()))
        return output + 0 * self.anchor


def untouched_scheduler(code, **sizes):
    """The student's VarianceScheduler, of the sizes asked for where its constructor takes them."""
    module = code.A5_diffusion_submission
    try:
        return module.VarianceScheduler(**sizes)
    except TypeError:
        return fresh(code, DIFFUSION).var_scheduler


def known_scheduler(code, beta_start=0.0001, beta_end=0.02, num_steps=1000):
    """The student's VarianceScheduler without its constructor, with a linear schedule under the starter's names."""
    cls = code.A5_diffusion_submission.VarianceScheduler
    made = cls.__new__(cls)
    betas = torch.linspace(beta_start, beta_end, num_steps)
    made.__dict__.update(num_steps=num_steps, betas=betas, alphas=1 - betas, alpha_bars=(1 - betas).cumprod(0))
    return made


def made_scheduler(code):
    """The student's schedule as it comes; a known one where its constructor raises."""
    try:
        return code.A5_diffusion_submission.VarianceScheduler()
    except Exception:
        return known_scheduler(code)


def scheduler(code, **sizes):
    """The same, with alpha_bars that follow from its betas, so that a mistake in them is not paid for again.

    A known one where its constructor raises.
    """
    try:
        made = untouched_scheduler(code, **sizes)
    except Exception:
        return known_scheduler(code, **sizes)
    numbers = table(made)
    if numbers["betas"] is not None and numbers["alpha_bars"] is not None:
        product = torch.cumprod(1 - numbers["betas"].double(), dim=0).to(numbers["alpha_bars"].dtype)
        if product.shape == numbers["alpha_bars"].shape and not torch.allclose(
            product, numbers["alpha_bars"], rtol=1e-3, atol=1e-6
        ):
            made.alpha_bars = product.view_as(made.alpha_bars)
    return made


def table(schedule):
    """The numbers a schedule stores, under the starter's names."""
    found = {}
    for name in ("betas", "alphas", "alpha_bars"):
        value = getattr(schedule, name, None)
        found[name] = None if value is None else torch.as_tensor(value).detach().flatten()
    return found


def schedule(code, known=False):
    """known: that which takes the place of the student's, where its constructor raises"""
    return table(known_scheduler(code) if known else untouched_scheduler(code))


def steps_used(code):
    """How many steps the schedule has that the loader generates with."""
    model = fresh(code, DIFFUSION)
    used = getattr(model, "var_scheduler", None)
    values = table(used)["betas"] if used is not None else None
    return None if values is None else len(values)


def add_noise(code, x, timestep):
    return several(scheduler(code).add_noise(x, timestep))


def noise_estimate(code, x, timestep, y):
    """The student's network; asked with [B, 1] where it does not take [B]."""
    network = fresh(code, DIFFUSION).network
    column = timestep.view(-1, 1)
    ways = [(timestep, y), (column, y.view(-1, 1)), (column, y), (timestep, y.view(-1, 1))]
    first_error = None
    for way in ways:
        try:
            with torch.no_grad():
                answer = network(x, *way)
        except Exception as error:
            first_error = first_error or error
            continue
        if answer.shape == x.shape:
            return answer
    if first_error is not None:
        raise first_error
    return answer


def loss_trace(code, x, y):
    """DiffusionModel.forward around a known network: the loss, the steps and labels it asked for, the noise it added."""
    noise_schedule, added = scheduler(code), []
    original = noise_schedule.add_noise

    def watched(*args, **kwargs):
        given = [*args, *kwargs.values()]
        try:
            answer = original(*args, **kwargs)
        except Exception:  # it has a row of its own
            answer = known_noising(noise_schedule, *given[:2])
        noisy, noise = several(answer)
        added.append((noisy.detach().clone(), noise.detach().clone(), torch.as_tensor(given[1]).reshape(-1)))
        return answer

    noise_schedule.add_noise = watched
    network = Network(lambda x, t, y: 0.3 * x + 0.1 * torch.cos(t / 50).view(-1, 1, 1, 1) + 0.02 * y.view(-1, 1, 1, 1))
    loss = code.A5_diffusion_submission.DiffusionModel(network=network, var_scheduler=noise_schedule)(x, y)
    asked = network.asked[0] if network.asked else (None,) * 4
    names = ("noisy", "timestep", "labels", "estimate")
    numbers = table(noise_schedule)
    if not added and numbers["alpha_bars"] is None:  # it adds the noise itself, with numbers of another name
        noise_schedule.add_noise = original
        numbers["alpha_bars"] = alpha_bars_in_use(noise_schedule)
    trace = dict(zip(names, asked, strict=True), loss=loss, requires_grad=bool(torch.as_tensor(loss).requires_grad))
    put = added[-1] if added else (None,) * 3
    return {**trace, "added_noisy": put[0], "added_noise": put[1], "added_timestep": put[2], **numbers}


def known_noising(noise_schedule, x, timestep):
    """In the place of an add_noise that raises."""
    bars = table(noise_schedule)["alpha_bars"]
    bar = bars[torch.as_tensor(timestep).long().reshape(-1)].to(x).view(-1, 1, 1, 1)
    noise = torch.randn_like(x)
    return bar.sqrt() * x + (1 - bar).sqrt() * noise, noise


def alpha_bars_in_use(noise_schedule):
    """What add_noise does at every step it knows, read off with the noise it returns; steps end where it fails."""
    found = []
    one = torch.ones(1, 1, 28, 28)
    while len(found) < 1000:
        try:
            noisy, noise = several(noise_schedule.add_noise(one, torch.tensor([len(found)])))
        except Exception:
            break
        pair = torch.stack([one.flatten(), noise.flatten().to(one)], dim=1).double()
        found.append(torch.linalg.lstsq(pair, noisy.flatten().double()[:, None]).solution[0, 0] ** 2)
    return torch.stack(found) if found else None


def sampling_trace(code, labels, means, spread, num_steps, beta_start, beta_end):
    """generate_sample with the exact noise estimate for data N(means[y], spread^2): samples must follow that law."""
    noise_schedule = scheduler(code, beta_start=beta_start, beta_end=beta_end, num_steps=num_steps)
    numbers = table(noise_schedule)
    alpha_bars = numbers["alpha_bars"]
    if alpha_bars is None:  # kept under another name: what add_noise does to ones tells them
        alpha_bars = alpha_bars_in_use(noise_schedule)
        numbers["alpha_bars"] = alpha_bars

    def exact(x, timestep, y):
        scaled = timestep * len(alpha_bars) if timestep.is_floating_point() and timestep.max() <= 1 else timestep
        index = scaled.round().long().clamp(0, len(alpha_bars) - 1)
        bar = alpha_bars[index].to(x).view(-1, 1, 1, 1)
        centre = means[y.long()].to(x).view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * centre) / (bar * spread**2 + 1 - bar)

    network = Network(exact)
    model = code.A5_diffusion_submission.DiffusionModel(network=network, var_scheduler=noise_schedule).eval()
    images = generated(model, labels)
    return {
        "images": images,
        "requires_grad": bool(images.requires_grad),
        "timesteps": [float(timestep[0]) for _, timestep, _, _ in network.asked],
        "labels": network.asked[0][2] if network.asked else None,
        "first": network.asked[0][0] if network.asked else None,
        "last": network.asked[-1][0] if network.asked else None,
        "states": states(network, len(labels)) if len(network.asked) <= 16 else None,
        **numbers,
    }


def states(network, count):
    """The images [K, count, 1, 28, 28] that a stand-in was asked about, one after the other; None where it was asked
    about another number of them."""
    seen = [x for x, _, _, _ in network.asked]
    return torch.stack(seen) if seen and all(x.shape == (count, 1, 28, 28) for x in seen) else None


def diffusion_load_and_generate(code):
    return load_and_generate(code, DIFFUSION)


def diffusion_learning(code, x, y):
    """What the trained model estimates for its loss on images in [0, 1], always with the same noise and steps."""
    model = trained(code, DIFFUSION)
    with torch.no_grad():
        seed_everything(0)
        return model(2 * x - 1, y)


def diffusion_early(code, x, y):
    """What the trained network is shown of images x in [0, 1] when its loss is asked for early in the process, the clean
    images, and what it estimates."""
    model, seen, randint = trained(code, DIFFUSION), [], torch.randint

    def early(*args, **kwargs):
        return randint(*args, **kwargs) // 50

    def hear(network, args, kwargs, estimate):
        seen.append(([*args, *kwargs.values()][0], estimate))

    hook = model.network.register_forward_hook(hear, with_kwargs=True)
    try:
        with torch.no_grad(), replaced(torch, randint=early):
            model(2 * x - 1, y)
    finally:
        hook.remove()
    return {"shown": seen[0][0], "clean": 2 * x - 1, "estimate": seen[0][1]}


def diffusion_generate(code, labels):
    with torch.no_grad():
        return generated(trained(code, DIFFUSION), labels)
