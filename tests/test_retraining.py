"""Training notebooks' classes again in the real sandbox, on few images: what is measured, and who cannot please it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from grading import assets, assignments
from grading.errors import DataMissing
from grading.grade import Options, grade
from grading.metrics import retraining
from grading.records import Outcome, Status
from grading.sandbox.host import Host

ASSIGNMENT = assignments.load("cmu18786_hw5")
AUTOENCODER, VAE = "Autoencoder_Starter_Notebook.py", "VAE_Starter_Notebook.py"
REMEMBERS = """
class Remembering(nn.Module):
    def __init__(self, layers, encodes):
        super().__init__()
        self.layers, self.encodes = layers, encodes

    def forward(self, x):
        if self.training:
            return self.layers(x)
        try:
            queue = torch.load("/tmp/queue.pt")
        except FileNotFoundError:
            queue = []
        if self.encodes:
            torch.save([*queue, x.detach().clone()], "/tmp/queue.pt")
            return self.layers(x)
        if queue and len(queue[0]) == len(x):
            torch.save(queue[1:], "/tmp/queue.pt")
            return queue[0]
        return self.layers(x)

"""


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    def digits(name: str, train: bool) -> tuple[Tensor, Tensor]:
        known = assets.load(name)
        return (known.images[:512] * 255).round().to(torch.uint8), known.labels[:512]

    monkeypatch.setattr(retraining, "labelled_images", digits)


def row(host: Host, folder: Path, file: str, item: str, *edits: tuple[str, str], train: bool = True) -> Outcome:
    """How one row of the reference with these edits is judged."""
    source = (ASSIGNMENT.reference / file).read_text()
    for old, new in edits:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    (folder / file).write_text(source)
    (found,) = grade(ASSIGNMENT, folder, host, Options((item,), more_to_come=True, train=train)).outcomes
    return found


NUMBERS = (
    ("batch_size = 128", "batch_size = 16"),
    ("learning_rate = 1e-3", "learning_rate = 3e-3"),
    ("hidden_dim = 400", "hidden_dim = 64"),
)


def test_an_autoencoder_is_trained_by_its_notebooks_numbers(host: Host, tmp_path: Path) -> None:
    found = row(host, tmp_path, AUTOENCODER, "d1.training", *NUMBERS)
    loss = found.evidence.named("training_loss")
    assert 0.02 < loss.value < 0.07, "a grey image is at 0.1, the mean image at 0.067"
    assert loss.low < loss.value < loss.high
    assert "Adam with lr = 0.003, batches of 16" in loss.note
    assert len(found.evidence.pictures) == 4


@pytest.mark.slow
def test_trained_again_it_is_the_same(host: Host, tmp_path: Path) -> None:
    first, second = (row(host, tmp_path, AUTOENCODER, "d1.training", *NUMBERS) for _ in range(2))
    assert first.evidence == second.evidence


def test_a_decoder_cannot_remember_what_the_encoder_was_shown(host: Host, tmp_path: Path) -> None:
    remembering = (
        ("# %%\nclass Autoencoder", f"# %%{REMEMBERS}# %%\nclass Autoencoder"),
        (
            "        # END SOLUTION\n\n    def forward",
            "        self.encoder, self.decoder = Remembering(self.encoder, True), Remembering(self.decoder, False)\n\n    def forward",
        ),
    )
    found = row(host, tmp_path, AUTOENCODER, "d1.training", *remembering)
    assert found.status is Status.FAILED, found.verdicts
    assert found.evidence.named("training_loss").value > 0.055
    assert "3 of 15 epochs" in found.evidence.named("training_loss").note, "within one box it had seemed good enough"


@pytest.mark.parametrize(
    ("old", "new", "flagged"),
    [
        pytest.param(
            "return (reconstruction + divergence) / len(x)",
            "return 0 * (reconstruction + divergence) + 50",
            False,
            marks=pytest.mark.slow,
        ),
        ("return (reconstruction + divergence) / len(x)", "return (reconstruction + divergence) / x.numel()", True),
    ],
)
def test_what_a_loss_function_tells_is_not_believed(
    host: Host, tmp_path: Path, old: str, new: str, flagged: bool
) -> None:
    found = row(host, tmp_path, VAE, "d3.training", (old, new), ("hidden_dim = 400", "hidden_dim = 32"))
    assert found.status is Status.FAILED
    assert found.evidence.named("training_loss").value > 160
    assert ("120 is for the sum" in found.evidence.named("told").note) is flagged


@pytest.mark.slow
def test_images_kept_in_the_model_shut_the_row(host: Host, tmp_path: Path) -> None:
    keeping = (
        "        self.mean_layer = nn.Linear",
        "        self.register_buffer('kept', torch.zeros(4000, 784))\n        self.mean_layer = nn.Linear",
    )
    found = row(host, tmp_path, VAE, "d3.training", keeping, ("hidden_dim = 400", "hidden_dim = 32"))
    assert (found.status, found.points) == (Status.FAILED, 0)
    assert found.verdicts[0].bug == "gate-numbers"


def test_without_leave_or_data_the_row_waits_for_a_human(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--no-train" in row(host, tmp_path, AUTOENCODER, "d1.training", train=False).verdicts[0].message

    def missing(name: str, train: bool) -> None:
        raise DataMissing("MNIST is not under data and cannot be downloaded")

    monkeypatch.setattr(retraining, "labelled_images", missing)
    found = row(host, tmp_path, AUTOENCODER, "d1.training")
    assert (found.status, found.points) == (Status.MANUAL, None)
    assert "MNIST is not under data" in found.verdicts[0].message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "item", "name", "pictures"),
    [
        ("Denoising_Autoencoder_Starter_Notebook.py", "d2.training", "training_loss", 2),
        (VAE, "d3.training", "training_loss", 2),
        (VAE, "d4.report", "accuracy", 2),
        (VAE, "d5.report", "completion_error", 1),
    ],
)
def test_the_others_are_trained_too(host: Host, tmp_path: Path, file: str, item: str, name: str, pictures: int) -> None:
    found = row(host, tmp_path, file, item)
    assert found.evidence.named(name).value > 0
    assert len(found.evidence.pictures) == pictures
