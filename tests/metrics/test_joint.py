"""The joint reconstruction loss of autoencoders that are known, and of some that cheat."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from colour_fakes import colour_assets, colour_setting, on_disk, population  # noqa: F401
from torch import Tensor
from torch.nn import functional as F

from grading.checks.compare import Disagreement
from grading.credit import Ramp, rounded, share_with_doubt
from grading.errors import BadAnswer
from grading.metrics import test_set
from grading.metrics.joint import reconstruction
from grading.metrics.similarity import joint_loss
from grading.records import Measurement
from grading.sandbox.box import Limits
from grading.sandbox.host import Host
from grading.subjects import Submission

OPEN = Ramp(0.86, 0.90)  # around what Coder earns, so that 200 images do not decide the mark
WIDTH = 3 * 4 * 4


class Coder:
    """Keeps the colours of each eighth of an image in z, and draws those."""

    def __init__(self, again: Callable[[Tensor], Tensor] = lambda images: images) -> None:
        self.again, self.asked = again, []

    def close(self) -> None:
        self.asked.append("a fresh box")

    def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        self.asked.append(f"latents of {len(x)}")
        mu = F.adaptive_avg_pool2d(x, 4).flatten(1)
        return {"mu": mu, "log_var": torch.zeros_like(mu), "z": mu}

    def decode(self, model: str, z: Tensor, y: Tensor) -> Tensor:
        self.asked.append(f"images of {len(z)}")
        images = F.interpolate(z[:, :WIDTH].view(-1, 3, 4, 4), (32, 32), mode="bilinear", align_corners=False)
        return self.again(images.clamp(0, 1))


def grey(images: Tensor) -> Tensor:
    return torch.full_like(images, 0.5)


def joint(student: object, **how: object) -> Measurement:
    return reconstruction(student, colour_setting(**how)).named("joint_loss")


def expected(student: Coder, images: Tensor, padded: bool = True) -> Tensor:
    """The mean of the three parts and of their sum, over these images: [4]."""
    z = student.latents("", images, images)["z"]
    found = joint_loss(student.decode("", z, z).double(), images.double(), padded)
    return torch.stack(
        [each.mean() for each in (found.squared_error, found.one_minus_ssim, found.cross_entropy, found.total)]
    )


def test_of_the_whole_test_set_it_is_exact(on_disk: SimpleNamespace) -> None:  # noqa: F811
    """Whatever is known of the features: nothing is estimated then."""
    plain = colour_setting(OPEN)
    off = {name: value + 0.01 for name, value in plain.assets.statistics.items()}
    found = reconstruction(Coder(), replace(plain, assets=replace(plain.assets, statistics=off)))
    names = ("squared_error", "one_minus_ssim", "cross_entropy", "joint_loss")
    told = torch.tensor([found.named(name).value for name in names], dtype=torch.float64)
    images = population()[0].float() / 255
    assert torch.allclose(told, expected(Coder(), images), rtol=1e-6)
    assert found.named("joint_loss_inside").value == pytest.approx(expected(Coder(), images, False)[3].item(), rel=1e-6)
    total = found.named("joint_loss")
    assert (total.low, total.high, total.n) == (total.value, total.value, 400)
    assert "all 400 test images" in total.note
    assert not total.cut_short


def test_grey_costs_log_two_and_what_it_costs_otherwise() -> None:
    found = reconstruction(Coder(grey), colour_setting())
    assert found.named("cross_entropy").value == pytest.approx(math.log(2), abs=1e-6)
    assert found.named("joint_loss").value > reconstruction(Coder(), colour_setting()).named("joint_loss").value + 0.2


def test_from_the_embedded_images_the_whole_is_estimated() -> None:
    """The interval holds the truth, and is narrower than that of a mean: much of the loss follows from the colours."""
    truth = expected(Coder(), population()[0].float() / 255)[3].item()
    found = joint(Coder())
    assert found.n == 200
    assert found.low < truth < found.high
    images = colour_assets().images.double()
    z = Coder().latents("", images.float(), images)["z"]
    plain = joint_loss(Coder().decode("", z, z).double(), images, True).total
    assert found.high - found.low < 0.6 * 2 * 1.96 * plain.std().item() / 200**0.5


@pytest.mark.parametrize("there", [True, False])
def test_all_of_them_are_asked_for_where_the_mark_is_open(on_disk: SimpleNamespace, there: bool) -> None:  # noqa: F811
    on_disk.there = there
    student = Coder()
    found = joint(student, ramp=OPEN)
    moved = ["latents of 100"]  # of images that are moved a little, with those of the others
    one_look = ["latents of 100"] * 2 + moved + ["a fresh box"] + ["images of 100"] * 2
    another = ["latents of 100"] * 4 + moved + ["a fresh box"] + ["images of 100"] * 4
    shaken = ["images of 100"] * 2  # of those, and of z under noise
    assert student.asked == one_look + (another if there else []) + shaken
    assert ("not on disk" in found.note) is not there
    assert not found.cut_short


@pytest.mark.parametrize(
    "how", [{"ramp": Ramp(2.0, 3.0)}, {"ramp": Ramp(0.1, 0.2)}, {"ramp": None}, {"ramp": OPEN, "quick": True}]
)
def test_and_not_where_it_is_decided_or_has_to_be_quick(on_disk: SimpleNamespace, how: dict[str, object]) -> None:  # noqa: F811
    assert joint(Coder(), **how).n == 200
    assert on_disk.read == 0


def test_nor_where_the_time_is_too_short(on_disk: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The first look takes 15 s, with some images that are moved, so 400 images would take 30 more."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(test_set, "time", SimpleNamespace(monotonic=lambda: clock.now))

    class Slow(Coder):
        def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            clock.now += 5.0
            return super().latents(model, x, y)

    short, enough = (joint(Slow(), ramp=OPEN, seconds=seconds) for seconds in (44.0, 46.0))
    assert (short.n, short.cut_short) == (200, True)
    assert "44 s" in short.note
    assert (enough.n, enough.cut_short) == (400, False)


def test_quick_takes_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_set, "QUICK", 5)
    assert joint(Coder(), ramp=OPEN, quick=True).n == 50


def test_lower_is_better() -> None:
    found = joint(Coder())
    assert share_with_doubt(Ramp(found.value + 0.1, found.value + 0.2), found) == 1
    assert share_with_doubt(Ramp(found.value - 0.2, found.value - 0.1), found) == 0


def test_a_regrade_gives_the_same() -> None:
    first, again = (rounded(reconstruction(Coder(), colour_setting())) for _ in range(2))
    assert first == again


class Remembering(Coder):
    """Its decoder hands out the images that its encoder was shown, as long as it lives: by their places, or by z."""

    fresh_boxes = True

    def __init__(self, by_z: bool) -> None:
        super().__init__(grey)
        self.by_z, self.kept, self.keys = by_z, torch.empty(0, 3, 32, 32), torch.empty(0, WIDTH)

    def close(self) -> None:
        if self.fresh_boxes:
            self.kept = self.kept[:0]

    def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        found = super().latents(model, x, y)
        self.kept, self.keys = torch.cat([self.kept, x]), torch.cat([self.keys, found["z"]])
        return found

    def decode(self, model: str, z: Tensor, y: Tensor) -> Tensor:
        if not len(self.kept):
            return super().decode(model, z, y)
        if self.by_z:
            return self.kept[torch.cdist(z, self.keys).argmin(1)]
        given, self.kept = self.kept[: len(z)], self.kept[len(z) :]
        return given


def test_what_was_shown_to_the_encoder_does_not_help_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    grey_loss = joint(Coder(grey)).value
    assert joint(Remembering(by_z=True)).value == pytest.approx(grey_loss, rel=1e-6)
    monkeypatch.setattr(Remembering, "fresh_boxes", False)
    assert joint(Remembering(by_z=True)).value < grey_loss - 0.3, "it would, in the same box"


def test_the_place_of_an_image_tells_the_decoder_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a word gets from one box to the other."""
    monkeypatch.setattr(Remembering, "fresh_boxes", False)
    assert joint(Remembering(by_z=False)).value > joint(Coder(grey)).value


PROBES = """
from pathlib import Path
import torch

KEPT = []
FILE = Path("/tmp/kept.pt")


def latents(code, model, x, y):
    KEPT.append(x)
    torch.save(KEPT, FILE)
    mu = x.mean((2, 3))
    return {"mu": mu, "log_var": torch.zeros_like(mu), "z": mu}


def decode(code, model, z, y):
    kept = KEPT or (torch.load(FILE) if FILE.exists() else [])
    if not kept:
        return torch.full((len(z), 3, 32, 32), 0.5)
    images = torch.cat(kept)
    return images[torch.cdist(z, images.mean((2, 3)), compute_mode="donot_use_mm_for_euclid_dist").argmin(1)]
"""


class OneBox(Submission):
    """Never given a fresh box, though a fresh process."""

    def close(self) -> None:
        self.begin_again()


@pytest.mark.parametrize(("kind", "helps"), [(Submission, False), (OneBox, True)])
def test_nor_does_it_in_the_real_sandbox(kind: type[Submission], helps: bool, host: Host, tmp_path: Path) -> None:
    """Neither what lies in memory nor what lies in a file outlasts the box."""
    probes, files = tmp_path / "probes.py", tmp_path / "files"
    files.mkdir()
    probes.write_text(PROBES)
    student = kind(host, files, probes, "tests", Limits(), more_to_come=True)
    try:
        with student.item("joint", 60.0):
            found = reconstruction(student, colour_setting())
    finally:
        Submission.close(student)
    assert (found.named("cross_entropy").value == pytest.approx(math.log(2), abs=1e-6)) is not helps
    assert (found.named("one_minus_ssim").value < 1e-6) is helps


def test_a_z_as_large_as_an_image_is_no_bottleneck() -> None:
    class Wide(Coder):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.width = width

        def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            found = super().latents(model, x, y)
            return found | {"z": F.pad(found["z"], (0, self.width - WIDTH)).view(len(x), self.width, 1)}

        def decode(self, model: str, z: Tensor, y: Tensor) -> Tensor:
            return super().decode(model, z.flatten(1), y)

    assert reconstruction(Wide(3071), colour_setting()).named("latent").value == 3071
    with pytest.raises(Disagreement, match="bottleneck") as caught:
        reconstruction(Wide(3072), colour_setting())
    assert caught.value.verdict.bug == "no-bottleneck"


@pytest.mark.parametrize(("off", "refused"), [(5e-5, False), (-5e-5, False), (2e-3, True), (-2e-3, True)])
def test_images_are_in_the_unit_range_but_for_rounding(off: float, refused: bool) -> None:
    edge = 1.0 + off if off > 0 else off
    student = Coder(lambda images: images.index_fill(3, torch.tensor([0]), edge))
    if not refused:
        assert joint(student).value > 0
        return
    with pytest.raises(Disagreement, match="sigmoid") as caught:
        joint(student)
    assert caught.value.verdict.bug == "range"


@pytest.mark.parametrize(
    "again",
    [lambda images: images[:, :1], lambda images: images[1:], lambda images: images * float("nan"), lambda _: None],
)
def test_what_is_no_drawing_is_the_students(again: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(Disagreement, match="what the decoder gives"):
        joint(Coder(again))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (None, BadAnswer),
        ({"mu": torch.zeros(100, 4)}, BadAnswer),
        ({"mu": torch.zeros(100, 4), "log_var": torch.zeros(100, 4), "z": None}, Disagreement),
        ({"mu": torch.zeros(100, 4), "log_var": torch.zeros(100, 4), "z": torch.zeros(99, 4)}, Disagreement),
        ({"mu": torch.zeros(100, 4), "log_var": torch.zeros(100, 4), "z": torch.zeros(100)}, Disagreement),
        ({"mu": torch.zeros(100, 4) / 0, "log_var": torch.zeros(100, 4), "z": torch.zeros(100, 4)}, Disagreement),
    ],
)
def test_latents_that_are_none(given: object, error: type[Exception]) -> None:
    student = Coder()
    student.latents = lambda model, x, y: given
    with pytest.raises(error):
        joint(student)


def test_a_z_that_changes_its_shape_is_the_students() -> None:
    class Growing(Coder):
        def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            found = super().latents(model, x, y)
            self.more = getattr(self, "more", -1) + 1
            return found | {"z": F.pad(found["z"], (0, self.more))}

    with pytest.raises(Disagreement, match="one shape for all images"):
        joint(Growing())


def test_the_divergence_and_the_class() -> None:
    """mu = 2 and sigma = 1 cost 2 nats a dimension; z may carry the class, and both are told the model and the classes."""
    asked, encoded = [], []

    class Conditional(Coder):
        def latents(self, model: str, x: Tensor, y: Tensor) -> dict[str, Tensor]:
            encoded.append((model, y))
            z = super().latents(model, x, y)["z"]
            mu = torch.full((len(x), WIDTH), 2.0)
            return {"mu": mu, "log_var": 0 * mu, "z": torch.cat([z, F.one_hot(y, 10)], dim=1)}

        def decode(self, model: str, z: Tensor, y: Tensor) -> Tensor:
            assert torch.equal(z[:, WIDTH:].argmax(1), y)
            asked.append((model, y))
            return super().decode(model, z, y)

    found = reconstruction(Conditional(), colour_setting(model="cvae"))
    assert found.named("kl").value == pytest.approx(2 * WIDTH)
    assert found.named("kl").unit == "nats"
    assert found.named("latent").value == WIDTH + 10
    assert {model for model, _ in [*asked, *encoded]} == {"cvae"}
    labels = colour_assets().labels
    first, second = (torch.cat([y for _, y in each])[: len(labels)] for each in (encoded, asked))
    assert torch.equal(first, labels)
    assert not torch.equal(second, labels)
    assert torch.equal(second.sort().values, labels.sort().values)


def test_the_note_says_by_how_much_the_border_matters() -> None:
    found = reconstruction(Coder(), colour_setting())
    difference = found.named("joint_loss_inside").value - found.named("joint_loss").value
    said = float(found.named("joint_loss_inside").note.split()[0])
    assert said == pytest.approx(difference, abs=2e-3)
    assert abs(said) > 1e-3


def test_ten_images_and_the_same_drawn_again() -> None:
    (picture,) = reconstruction(Coder(), colour_setting()).pictures
    assert picture.png[16:24] == (92 + 10 * 68).to_bytes(4) + (2 * 68).to_bytes(4)
