"""A report as a course would meet it, to try the emitters on."""

from report_pictures import garments

from grading.records import Evidence, FileTaken, Measurement, Outcome, Picture, Report, Status, Verdict

VAE, DDPM = "Conditional VAE", "Conditional diffusion model"
_KL = Verdict(
    0.0,
    "The sign of the KL divergence is turned: it must never be negative.\n"
    "KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (σ² + μ² − 1 − ln σ²); your value is minus this sum.",
    bug="kl-sign",
    expected="tensor(0.5000)",
    actual="tensor(-0.5000)",
    reproduce="import torch\nfrom A5_vae_submission import VAE\n\n"
    "VAE.kl_loss(None, mu=torch.tensor([[1.0]]), logvar=torch.tensor([[0.0]]))  # wants 0.5",
)
_NOISE = Verdict(
    0.0,
    "add_noise scales the image with alpha_t where the closed form wants alpha-bar_t.\n"
    "x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε: use alpha_bars[t], the product of all alphas up to t.",
    bug="alpha-for-alpha-bar",
    expected="[[ 0.0064, -0.0064],\n [ 0.0032,  0.0000]]   at t = 999",
    actual="[[ 0.9899, -0.9899],\n [ 0.4950,  0.0000]]   at t = 999",
    reproduce="import torch\nfrom A5_diffusion_submission import VarianceScheduler\n\n"
    "schedule = VarianceScheduler()\nx = torch.tensor([1.0, -1.0, 0.5, 0.0]).view(1, 1, 2, 2)\n"
    "noisy, noise = schedule.add_noise(x, torch.tensor([999]))\n"
    "print(noisy - (1 - schedule.alpha_bars[999]) ** 0.5 * noise)",
)
_LOSS = (
    Verdict(1.0, "The loss is the mean squared error of the estimated noise."),
    Verdict(1.0, "The loss is a scalar that carries a gradient to the network."),
    Verdict(
        0.0,
        "One time step is drawn for the whole batch; the objective wants one for each image.\n"
        "Draw timestep with shape (len(x),), so that every image gets its own.",
        bug="one-t-per-batch",
        expected="64 images, about 62 different time steps",
        actual="64 images, 1 time step",
    ),
)


def ordinary() -> Report:
    """What a middling submission to the first assignment gets."""
    return Report(
        assignment="cmput328_a5",
        title="Assignment 5: conditional VAE and diffusion on FashionMNIST",
        submission="mira-okafor.zip",
        started="2026-03-14T16:05:09Z",
        seconds=212.4,
        backend="bubblewrap",
        confined=True,
        outcomes=(*_VAE_ROWS, *_DDPM_ROWS),
        files=(
            _file("A5_vae_submission.py", "A5_vae_submission.py", 5_214, "3f"),
            _file("vae.pt", "models/vae.pt", 1_824_310, "a0", "found in a folder"),
            _file("A5_diffusion_submission.py", "A5_diffusion_submission(1).py", 9_480, "71", "a copy’s number"),
            _file("diffusion.pt", "diffusion.pt", 6_201_774, "c4"),
        ),
        notices=("A5_diffusion_submission(1).py was taken as A5_diffusion_submission.py.",),
        versions=(("elbograde", "0.1.0"), ("torch", "2.10.0"), ("numpy", "2.3.4")),
        seed="9b1f6c02",
    )


def _file(name: str, source: str, size: int, digest: str, note: str = "") -> FileTaken:
    return FileTaken(name, source, size, digest * 32, note)


def row(item: str, part: str, title: str, status: Status, most: float, points: float | None, **more: object) -> Outcome:
    return Outcome(item, part, title, status, most, points, **more)  # type: ignore[arg-type]


_DIVIDED = "the handout gives this task as a whole its points and does not divide them"
_JUDGE = "judged by a classifier of the course’s architecture in eval mode, not by 50 images with live dropout"


def _accuracy(value: float, low: float, high: float, n: int, note: str) -> Measurement:
    return Measurement("accuracy", "accuracy by the judge classifier", value, low, high, n, "%", note)


_SURE = _accuracy(0.84, 0.71, 0.92, 50, "the mark was decided")
_SPREAD = Measurement("spread", "distance between images of a class, relative to real ones", 0.91, 0.91, 0.91, 50)
_FULL = Verdict(1.0, "84.0% (95 %: 71.0% to 92.0%, n = 50); full marks at 65%, none below 55%")
_GRID = Picture("Generated images, one class in each column", garments(0.45))
_VAE_ROWS = (
    row(
        "vae.forward",
        VAE,
        "VAE.forward",
        Status.PASSED,
        4,
        4.0,
        assumed=_DIVIDED,
        cite="2.1.1: forward returns the reconstructed image, mu and logvar",
    ),
    row(
        "vae.reparameterize",
        VAE,
        "VAE.reparameterize",
        Status.PASSED,
        6,
        6.0,
        assumed=_DIVIDED,
        cite="2.1.1: the reparameterization trick",
    ),
    row(
        "vae.kl_loss",
        VAE,
        "VAE.kl_loss",
        Status.FAILED,
        6,
        0.0,
        verdicts=(_KL,),
        cite="2.1.1, equation (1)",
        assumed="the reduction over the batch is left open: sum, mean and one number per image are all accepted",
        stdout="mu torch.Size([1, 1])\nkl tensor(-0.5000)\n",
    ),
    row(
        "vae.get_loss",
        VAE,
        "VAE.get_loss",
        Status.PASSED,
        6,
        6.0,
        assumed="any reduction is accepted",
        cite="2.1.1: get_loss; the helper unpacks (reconstruction loss, prior loss)",
    ),
    row(
        "vae.generate_sample",
        VAE,
        "VAE.generate_sample",
        Status.PASSED,
        6,
        6.0,
        assumed=_DIVIDED,
        cite="2.1.1: generate_sample",
    ),
    row(
        "vae.accuracy",
        VAE,
        "Accuracy of images generated by the VAE",
        Status.PASSED,
        12,
        12.0,
        verdicts=(_FULL,),
        assumed=_JUDGE,
        evidence=Evidence(
            (_SURE, _SPREAD), (_GRID, Picture("Reconstructions, one class in each column", garments(0.15, 1)))
        ),
        cite="3: >= 65 % full marks, < 55 % none, linear between",
    ),
)


_BELOW = _accuracy(0.571, 0.549, 0.593, 2000, "all the samples planned were drawn; per class, in %: 61, 80, 35")
_DISTANCES = (
    Measurement(
        "frechet",
        "Fréchet distance to held-out images",
        6.42,
        6.11,
        6.79,
        5000,
        "FD",
        "64 features of our own encoder",
    ),
    Measurement("frechet_real", "the same between two halves of the held-out images", 0.31, 0.24, 0.40, 5000, "FD"),
    Measurement("parameters", "parameters of the network", 873_409, 873_409, 873_409, 174),
)
_RAMP = Verdict(0.71, "57.1% (95 %: 54.9% to 59.3%, n = 2000); full marks at 60%, none below 50%")
_BROKEN = "Traceback (most recent call last):\n  File 'distances.py', in secret_judge\nValueError: not symmetric"
_DDPM_ROWS = (
    row(
        "ddpm.schedule",
        DDPM,
        "VarianceScheduler",
        Status.PASSED,
        8,
        8.0,
        assumed=_DIVIDED,
        cite="2.2.1: VarianceScheduler stores beta_t, alpha_t and alpha_bar_t",
    ),
    row(
        "ddpm.add_noise",
        DDPM,
        "VarianceScheduler.add_noise",
        Status.FAILED,
        10,
        0.0,
        verdicts=(_NOISE,),
        assumed=_DIVIDED,
        cite="2.2.1: add_noise computes the noisy version of the images",
    ),
    row(
        "ddpm.loss",
        DDPM,
        "DiffusionModel.forward",
        Status.PARTIAL,
        10,
        6.67,
        verdicts=_LOSS,
        cite="2.2.1: forward outputs the loss between the true and the estimated noise",
    ),
    row(
        "ddpm.reverse_mean",
        DDPM,
        "DiffusionModel.generate_sample",
        Status.SKIPPED,
        8,
        None,
        verdicts=(Verdict(0.0, "not judged, because ddpm.add_noise failed"),),
        cite="2.2.1: generate_sample",
    ),
    row(
        "ddpm.accuracy",
        DDPM,
        "Accuracy of images generated by the diffusion model",
        Status.PARTIAL,
        16,
        11.36,
        verdicts=(_RAMP,),
        evidence=Evidence((_BELOW,), (Picture("Generated images, one class in each column", garments(0.8, 2)),)),
        cite="3: >= 60 % full marks, < 50 % none, linear between",
        assumed=_JUDGE,
    ),
    row(
        "ddpm.distance",
        DDPM,
        "Distance of the generated images from real ones",
        Status.SHOWN,
        0,
        None,
        evidence=Evidence(_DISTANCES),
        cite="for information; the handout sets no threshold",
    ),
    row(
        "ddpm.memory",
        DDPM,
        "Generated images are no copies of training images",
        Status.UNSCORED,
        4,
        None,
        verdicts=(Verdict(0.0, _BROKEN),),
        visibility="after_published",
    ),
    row("ddpm.curve", DDPM, "Training curve in the helper notebook", Status.MANUAL, 4, None, cite="2.2.2"),
    row("ddpm.fast", DDPM, "A sampler with 50 steps or fewer", Status.PASSED, 5, 5.0, bonus=True),
)
