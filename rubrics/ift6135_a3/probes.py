"""How to ask ift6135_a3: likelihoods and divergences, a diffusion model, a guided one, and a trainer around each.

Networks are known functions that take down what they were asked. Where a method builds on another one of its class, that
other one is replaced by a known function as well (`stand_ins`), so that one mistake costs once; code that writes the formula
out instead of calling the method is right too, and the judge allows for both.
"""

import contextlib
import importlib
import inspect
import sys
import types

import torch
from elbograde_inside import asking
from elbograde_inside.asking import KnownNetwork, like, several
from elbograde_inside.lacking import Lacking
from torch import nn
from torch.nn import functional as F

CPU = torch.device("cpu")


# ---------------------------------------------------------------- whatever the question


def watched(code, probe, inputs):
    """One of the probes below, asked twice: its answer, what is left of its inputs, and the gradients they get."""
    return asking.watched(lambda **given: globals()[probe](code, **given), inputs)


def strided(code, probe, inputs):
    """One of the probes below, asked about every second row of tensors of twice the height: they are not contiguous."""
    return globals()[probe](code, **{name: value.repeat_interleave(2, 0)[::2] for name, value in inputs.items()})


DDPM = "from q2_ddpm import DenoiseDiffusion\nDenoiseDiffusion(lambda x, t: 0.3 * x, 50, torch.device('cpu'))"
BY_HAND = {  # how a student calls what a probe asks, for scripts to paste
    "bernoulli_log_likelihood": "from q1_vae import log_likelihood_bernoulli\nlog_likelihood_bernoulli(mu, target)",
    "normal_log_likelihood": "from q1_vae import log_likelihood_normal\nlog_likelihood_normal(mu, logvar, z)",
    "log_mean_exp": "from q1_vae import log_mean_exp\nlog_mean_exp(y)",
    "kl_analytic": "from q1_vae import kl_gaussian_gaussian_analytic\n"
    "kl_gaussian_gaussian_analytic(mu_q, logvar_q, mu_p, logvar_p)",
    "kl_monte_carlo": "from q1_vae import kl_gaussian_gaussian_mc\n"
    "kl_gaussian_gaussian_mc(mu_q, logvar_q, mu_p, logvar_p, num_samples=num_samples)",
    "forward_moments": f"{DDPM}.q_xt_x0(images, t)",
    "forward_sample": f"{DDPM}.q_sample(images, t, 0.7 * images.flip(0) + 0.3)",
    "reverse_moments": f"{DDPM}.p_xt_prev_xt(images, t)",
    "negative_elbo": "loss_function(recon, x, mu, logvar)",  # its file trains when it is imported
}


def by_hand(code, probe):
    return BY_HAND[probe]


# ---------------------------------------------------------------- question 1: functions


def bernoulli_log_likelihood(code, mu, target):
    return code.q1_vae.log_likelihood_bernoulli(mu, target)


def normal_log_likelihood(code, mu, logvar, z):
    return code.q1_vae.log_likelihood_normal(mu, logvar, z)


def log_mean_exp(code, y):
    return code.q1_vae.log_mean_exp(y)


def kl_analytic(code, mu_q, logvar_q, mu_p, logvar_p):
    return code.q1_vae.kl_gaussian_gaussian_analytic(mu_q, logvar_q, mu_p, logvar_p)


def kl_monte_carlo(code, mu_q, logvar_q, mu_p, logvar_p, num_samples):
    return code.q1_vae.kl_gaussian_gaussian_mc(mu_q, logvar_q, mu_p, logvar_p, num_samples=num_samples)


def linear(weights):
    """A stand-in for a function of tensors: the sum of every argument's numbers, each times its weight."""

    def stand_in(*args, **kwargs):
        named = {**dict(zip(weights, args, strict=False)), **kwargs}
        return sum(weighed(torch.as_tensor(named[name]), by) for name, by in weights.items())

    return stand_in


def weighed(value, by):
    rows = value.reshape(len(value), -1) if value.ndim > 1 else value
    return (rows.double() * by.double()).sum(-1).to(torch.get_default_dtype())


def q1_vae_with(code, stand_ins):
    """The module q1_vae with its two functions replaced, whether or not the rest of it can be run."""
    module = types.ModuleType("q1_vae")
    with contextlib.suppress(Exception):
        module.__dict__.update(vars(code.q1_vae))
    divergence = linear(stand_ins["divergence"])
    module.log_likelihood_bernoulli = linear(stand_ins["likelihood"])
    module.kl_gaussian_gaussian_analytic = module.kl_gaussian_gaussian_mc = divergence
    return module


def negative_elbo(code, recon, x, mu, logvar, stand_ins):
    """stand_ins: weights for the functions of q1_vae that the loss may call, so that a mistake in them costs nothing here"""
    module = q1_vae_with(code, stand_ins)
    before = sys.modules.get("q1_vae")
    sys.modules["q1_vae"] = module
    try:
        return code.definitions("q1_train_vae").loss_function(recon, x, mu, logvar)
    finally:
        sys.modules.pop("q1_vae")
        if before is not None:
            sys.modules["q1_vae"] = before


def provided_vae():
    """The layers of the network that the handout provides."""
    linear = {"fc1": (784, 400), "fc21": (400, 20), "fc22": (400, 20), "fc3": (20, 400), "fc4": (400, 784)}
    return nn.ModuleDict({name: nn.Linear(*sizes) for name, sizes in linear.items()})


def trained_vae(code):
    """That network with the weights handed in. No line of the submission is run for it."""
    if "vae" not in code.kept:
        network = provided_vae()
        network.load_state_dict(flat_state(torch.load(code.folder / "model.pt", map_location=CPU, weights_only=True)))
        code.kept["vae"] = network.eval()
    return code.kept["vae"]


def encode(code, x):
    vae = trained_vae(code)
    with torch.no_grad():
        hidden = F.relu(vae["fc1"](x.flatten(1)))
        return vae["fc21"](hidden), vae["fc22"](hidden)


def decode(code, z):
    vae = trained_vae(code)
    with torch.no_grad():
        return torch.sigmoid(vae["fc4"](F.relu(vae["fc3"](z)))).view(-1, 1, 28, 28)


# ---------------------------------------------------------------- question 2.1: denoising diffusion


def process(code, n_steps, network=None):
    return code.q2_ddpm.DenoiseDiffusion(network or KnownNetwork(), n_steps, CPU)


def betas_of(made, n_steps):
    """The schedule in use: the starter's, unless it was changed."""
    return torch.as_tensor(getattr(made, "beta", torch.linspace(0.0001, 0.02, n_steps))).flatten()


def always(method, *values):
    """In the place of a method: these values, whatever it is asked, in the dress that its own have."""

    def stand_in(*args, **kwargs):
        answer = ()
        with contextlib.suppress(Exception):  # it has a row of its own
            answer = method(*args, **kwargs)
        return like(answer, [value.clone() for value in values])

    return stand_in


def forward_moments(code, x0, t, n_steps):
    made = process(code, n_steps)
    return {"betas": betas_of(made, n_steps), "moments": several(made.q_xt_x0(x0, t))}


def forward_sample(code, x0, t, noise, mean, variance, n_steps):
    made = process(code, n_steps)
    betas, made.q_xt_x0 = betas_of(made, n_steps), always(made.q_xt_x0, mean, variance)
    return {"betas": betas, "x_t": made.q_sample(x0, t) if noise is None else made.q_sample(x0, t, noise)}


def reverse_moments(code, xt, t, n_steps):
    # so loud that its factor shows, but not in the first steps, where 1 - alpha_bar has few digits
    network = KnownNetwork(lambda x, t: 0.3 * x + (torch.where(t > 2, 5.0, 0.1) * torch.cos(t)).view(-1, 1, 1, 1))
    made = process(code, n_steps, network)
    betas = betas_of(made, n_steps)
    with torch.no_grad():
        return {"betas": betas, "moments": several(made.p_xt_prev_xt(xt, t)), **network.seen()}


def reverse_sample(code, xt, t, mean, variance, n_steps):
    network = KnownNetwork()
    made = process(code, n_steps, network)
    betas, made.p_xt_prev_xt = betas_of(made, n_steps), always(made.p_xt_prev_xt, mean, variance)
    with torch.no_grad():
        drawn = made.p_sample(xt, t)
    return {"betas": betas, "x_prev": drawn, "estimate": network.seen()["estimate"]}


def denoising_loss(code, x0, noise, n_steps):
    """loss, with 0.5 x_0 + 0.25 eps in place of what q_sample gives."""
    network = KnownNetwork()
    made = process(code, n_steps, network)
    betas, jumps = betas_of(made, n_steps), []

    def q_sample(x0, t, eps=None):
        eps = torch.randn_like(x0) if eps is None else eps
        jumps.append((torch.as_tensor(t).reshape(-1), eps.detach().clone()))
        return 0.5 * x0 + 0.25 * eps

    made.q_sample = q_sample
    loss = made.loss(x0) if noise is None else made.loss(x0, noise)
    total = torch.as_tensor(loss).sum()
    gradient = torch.autograd.grad(total, network.anchor, allow_unused=True)[0] if total.requires_grad else None
    t, eps = jumps[0] if jumps else (None, None)
    return {"loss": loss, "betas": betas, "jumped_t": t, "jumped_noise": eps, "gradient": gradient, **network.seen()}


SETTINGS = {
    "device": CPU,
    "n_steps": 8,
    "n_samples": 6,
    "image_size": 8,
    "image_channels": 1,
    "num_classes": 10,
    "nb_save": None,
    "cfg_scale": 3.0,
    "learning_rate": 1e-3,
    "lr": 1e-3,
    "epochs": 1,
    "batch_size": 4,
    "fp16_precision": False,
    "fp16": False,
    "show_every_n_epochs": 1,
    "save_every_n_epochs": 1,
    "ema_decay": 0.995,
    "num_workers": 0,
    "seed": 0,
    "MODEL_PATH": "eps_model.pkl",
    "dataset_path": "data",
}


def settings(own, **changed):
    """What a trainer is set up with: readable as attributes and as items. own: what the submission's settings have."""
    from easydict import EasyDict

    return EasyDict({**(own if isinstance(own, dict) else {}), **SETTINGS, **changed})


def spare_the_compiler():
    """An optimizer's constructor imports torch's compiler, which takes seconds, to say that it is not to be compiled."""
    inner = getattr(torch.optim.Optimizer.add_param_group, "__wrapped__", None)
    if inner is not None:
        setattr(inner, "__dynamo_disable", inner)


def trainer(module, network, diffusion, **sizes):
    """A trainer around that process. A module may read its settings from a name of its own too.

    Where its constructor does not run here, it has what every starter gives it; what is asked for besides is lacking.
    """
    args = settings(getattr(module, "args", None), **sizes)
    if hasattr(module, "args"):
        module.args = args
    spare_the_compiler()
    try:
        return module.Trainer(args, network, diffusion)
    except Exception as error:
        made = module.Trainer.__new__(without_constructor(module.Trainer, error))
        made.args, made.eps_model, made.diffusion, made.current_epoch = args, network, diffusion, 0
        made.diffusion_model, made.ema_model = diffusion, network
        return made


def without_constructor(cls, error):
    """The class, for an instance whose constructor did not run."""

    def missing(self, name):
        raise Lacking(
            f"Trainer's constructor could not be run here ({type(error).__name__}: {error}), and {name} is made there"
        )

    return type(cls.__name__, (cls,), {"__getattr__": missing})


def known_chain(code, scales, shifts, shape):
    """A trainer whose process takes the steps x' = scale_t x + shift_t, the process, and what it takes down."""
    network = KnownNetwork()
    network.reseeded = 0
    diffusion = process(code, len(scales), network)
    taken = []

    def p_sample(xt, t, set_seed=False):
        network.reseeded += bool(set_seed)
        return moments(xt, t)[0]

    def moments(xt, t, *args, **kwargs):
        t = torch.as_tensor(t).reshape(-1)
        taken.append((xt.detach().clone(), t.clone()))
        index = t.long().clamp(0, len(scales) - 1)
        scale, shift = (table[index].view(-1, 1, 1, 1) for table in (scales, shifts))
        return scale * xt * network.anchor + shift, torch.zeros(len(index), 1, 1, 1)

    diffusion.p_xt_prev_xt = moments
    diffusion.p_sample = p_sample
    sizes = {"n_samples": shape[0], "image_channels": shape[1], "image_size": shape[2]}
    return trainer(code.q2_trainer_ddpm, network, diffusion, n_steps=len(scales), **sizes), network, taken


def chain_seen(network, taken, images):
    """Of every step its t (None where the images of a batch differ in it), and the image before the first one."""
    steps = [int(t[0]) if len(t.unique()) == 1 else None for _, t in taken]
    some = images[-1] if isinstance(images, list | tuple) and images else images
    return {
        "images": images,
        "timesteps": steps,
        "first": taken[0][0] if taken else None,
        "asked_network": len(network.asked),
        "reseeded": network.reseeded,
        "requires_grad": bool(getattr(some, "requires_grad", False)),
    }


def reverse_chain(code, scales, shifts, shape):
    made, network, taken = known_chain(code, scales, shifts, shape)
    return chain_seen(network, taken, made.sample())


def intermediate_images(code, scales, shifts, shape, steps_to_show):
    made, network, taken = known_chain(code, scales, shifts, shape)
    wanted = inspect.signature(made.generate_intermediate_samples).parameters
    older = {"model": network} if "model" in wanted else {}
    images = made.generate_intermediate_samples(
        **older, n_samples=shape[0], img_size=shape[2], steps_to_show=steps_to_show, n_steps=len(scales)
    )
    return chain_seen(network, taken, list(images))


def chain_of_data(code, mean, spread, n_steps, shape):
    """sample with the exact noise estimate for data N(mean, spread^2)."""
    bars = torch.cumprod(1 - torch.linspace(0.0001, 0.02, n_steps), dim=0)

    def exact(x, t):
        bar = bars[t.long()].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * mean) / (bar * spread**2 + 1 - bar)

    network = KnownNetwork(exact)
    sizes = {"n_steps": n_steps, "n_samples": shape[0], "image_channels": shape[1], "image_size": shape[2]}
    made = trainer(code.q2_trainer_ddpm, network, process(code, n_steps, network), **sizes)
    return {"images": made.sample(), "asked_network": len(network.asked)}


def unet(code, folder, name, file):
    """A network that came with the assignment (or the student's own copy of it) with the weights handed in."""
    if name not in code.kept:
        network = getattr(importlib.import_module(f"{folder}.unet"), name)(c_in=1, c_out=1)
        network.load_state_dict(flat_state(torch.load(code.folder / file, map_location=CPU, weights_only=True)))
        code.kept[name] = network.eval()
    return code.kept[name]


def flat_state(loaded):
    """The state dict, where the file holds a checkpoint around it."""
    return loaded.get("model_state_dict", loaded)


def state_shapes(code, file):
    """Names and shapes of the parameters and buffers that the weights in `file` must fit."""
    networks = {
        "model.pt": provided_vae,
        "eps_model.pkl": lambda: importlib.import_module("ddpm_utils.unet").UNet(c_in=1, c_out=1),
        "eps_model_cfg.pkl": lambda: importlib.import_module("cfg_utils.unet").UNet_conditional(c_in=1, c_out=1),
    }
    return {name: list(value.shape) for name, value in networks[file]().state_dict().items()}


def noise_estimate(code, x, t):
    with torch.no_grad():
        return unet(code, "ddpm_utils", "UNet", "eps_model.pkl")(x, t)


# ---------------------------------------------------------------- question 2.2: guidance


def guided_noise_estimate(code, z, labels):
    with torch.no_grad():
        return unet(code, "cfg_utils", "UNet_conditional", "eps_model_cfg.pkl")(z, labels)


def affine(coefficients, *values):
    constant, *factors = coefficients
    return constant + sum(factor * value for factor, value in zip(factors, values, strict=True))


def guided_stand_ins(known):
    """Methods of CFGDiffusion as affine functions with those coefficients, with the starter's names for their arguments."""

    def mean(z_lambda_t, x, lambda_t, lambda_t_prim):
        return affine(known["reverse_mean"], z_lambda_t, x, lambda_t, lambda_t_prim)

    def variance(lambda_t, lambda_t_prim, v=0.3):
        return affine(known["reverse_variance"], lambda_t, lambda_t_prim, v)

    def step(z_lambda_t, lambda_t, lambda_t_prim, x_t, set_seed=False):
        return affine(known["reverse_sample"], z_lambda_t, lambda_t, lambda_t_prim, x_t)

    def q_sample(x, lambda_t, noise):
        return affine(known["forward_sample"], x, lambda_t, noise)

    def sigma_q(lambda_t, lambda_t_prim):
        return affine(known["forward_deviation"], lambda_t, lambda_t_prim)

    def sigma_q_x(lambda_t, lambda_t_prim):
        return affine(known["posterior_deviation"], lambda_t, lambda_t_prim)

    made = {
        "log_snr": ("get_lambda", lambda t: affine(known["log_snr"], torch.as_tensor(t).reshape(-1, 1, 1, 1))),
        "signal_scale": ("alpha_lambda", lambda lambda_t: affine(known["signal_scale"], lambda_t)),
        "noise_scale": ("sigma_lambda", lambda lambda_t: affine(known["noise_scale"], lambda_t)),
        "forward_sample": ("q_sample", q_sample),
        "forward_deviation": ("sigma_q", sigma_q),
        "posterior_deviation": ("sigma_q_x", sigma_q_x),
        "reverse_mean": ("mu_p_theta", mean),
        "reverse_variance": ("var_p_theta", variance),
        "reverse_sample": ("p_sample", step),
    }
    return dict(made[name] for name in known)


class LabelledNetwork(nn.Module):
    """A noise estimate that is known, slope_y z + offset_y, with what it was asked. The last y stands for no label."""

    def __init__(self, slopes=(0.3, 0.5), offsets=(0.1, -0.1)):
        super().__init__()
        self.anchor = nn.Parameter(torch.ones(1))  # for code that looks at a network's parameters
        asked, tables = [], (torch.tensor(slopes), torch.tensor(offsets))
        nothing = len(slopes) - 1

        def estimate(z, labels):
            labels = torch.as_tensor(nothing if labels is None else labels).detach().reshape(-1).long()
            labels = labels.expand(len(z)).clone()
            asked.append((z.detach().clone(), labels))
            slope, offset = (table[labels.clamp(0, nothing)].view(-1, 1, 1, 1) for table in tables)
            return slope * z + offset

        self.asked, self.estimate = (
            asked,
            estimate,
        )  # a function is shared by deep copies of this network, such as an EMA

    def forward(self, *args, **kwargs):
        values = [*args, *kwargs.values()]
        if len(values) > 2:
            raise TypeError("the network takes images and their labels, nothing else")
        return self.anchor * self.estimate(*values, *[None] * (2 - len(values)))


def guided_process(code, n_steps=10, network=None, stand_ins=None):
    """A CFGDiffusion, without asking for more of its constructor than that it takes the starter's three arguments."""
    cls, network = code.q3_cfg_diffusion.CFGDiffusion, network or LabelledNetwork()
    try:
        made = cls(network, n_steps, CPU)
    except Exception:
        made = cls.__new__(cls)
        made.__dict__.update(eps_model=network, n_steps=n_steps, device=CPU, lambda_min=-20, lambda_max=20)
    for name, function in guided_stand_ins(stand_ins or {}).items():
        object.__setattr__(made, name, function)
    return made


def log_snr(code, t, n_steps):
    return guided_process(code, n_steps).get_lambda(t)


def signal_scale(code, lambda_t, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).alpha_lambda(lambda_t)


def noise_scale(code, lambda_t, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).sigma_lambda(lambda_t)


def guided_forward_sample(code, x, lambda_t, noise, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).q_sample(x, lambda_t, noise)


def forward_deviation(code, lambda_t, lambda_t_prim, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).sigma_q(lambda_t, lambda_t_prim)


def posterior_deviation(code, lambda_t, lambda_t_prim, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).sigma_q_x(lambda_t, lambda_t_prim)


def guided_reverse_mean(code, z, x, lambda_t, lambda_t_prim, stand_ins=None):
    return guided_process(code, stand_ins=stand_ins).mu_p_theta(z, x, lambda_t, lambda_t_prim)


def guided_reverse_variance(code, lambda_t, lambda_t_prim, v=None, stand_ins=None):
    made = guided_process(code, stand_ins=stand_ins)
    return made.var_p_theta(lambda_t, lambda_t_prim, **({} if v is None else {"v": v}))


def guided_reverse_sample(code, z, x, lambda_t, lambda_t_prim, stand_ins=None):
    with torch.no_grad():
        return guided_process(code, stand_ins=stand_ins).p_sample(z, lambda_t, lambda_t_prim, x)


def guided_loss(code, x0, labels, noise, n_steps, network, stand_ins=None):
    """loss around a known network: what the network was asked, and the gradient that reaches it."""
    known = LabelledNetwork(**network)
    made = guided_process(code, n_steps, known, stand_ins)
    loss = made.loss(x0, labels) if noise is None else made.loss(x0, labels, noise)
    total = torch.as_tensor(loss).sum()
    gradient = torch.autograd.grad(total, known.anchor, allow_unused=True)[0] if total.requires_grad else None
    z, asked_labels = known.asked[-1] if known.asked else (None, None)
    return {"loss": loss, "asked_z": z, "asked_labels": asked_labels, "gradient": gradient}


def guided_loss_labels(code, x0, labels, n_steps, network, calls, stand_ins=None):
    """The labels that reached the network in each of many calls of loss, [calls, B]."""
    known = LabelledNetwork(**network)
    made = guided_process(code, n_steps, known, stand_ins)
    for _ in range(calls):
        made.loss(x0, labels)
    return torch.stack([asked for _, asked in known.asked]) if known.asked else None


def guided_chain(code, labels, guidance, n_steps, shape, network, settings_guidance=0.0, stand_ins=None):
    """Trainer.sample around a known network: the images, and all that the network was asked, one batch after the other."""
    known = LabelledNetwork(**network)
    sizes = {"n_steps": n_steps, "n_samples": shape[0], "image_channels": shape[1], "image_size": shape[2]}
    diffusion = guided_process(code, n_steps, known, stand_ins)
    for name in ("cfg_diffusion", "q2_cfg_diffusion"):  # what the handout and older starters call the file
        sys.modules.setdefault(name, code.q3_cfg_diffusion)
    made = trainer(code.q3_trainer_cfg, known, diffusion, cfg_scale=settings_guidance, **sizes)
    if hasattr(code.q3_cfg_diffusion, "args"):
        code.q3_cfg_diffusion.args = made.args
    images = made.sample(labels=labels, cfg_scale=guidance, n_steps=n_steps)
    z, asked_labels = (torch.cat(column) for column in zip(*known.asked, strict=True)) if known.asked else (None, None)
    grad = bool(getattr(images, "requires_grad", False))
    return {"images": images, "requires_grad": grad, "asked_z": z, "asked_labels": asked_labels}
