"""What code computes is computed again without it, and what only looks like it is told apart."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grading.errors import Crashed
from grading.metrics import replays
from grading.metrics.replays import Earned, Heard, Replay, follows_weights, replayed
from grading.sandbox.inside.recording import recorded
from grading.sandbox.inside.replaying import Program, Unsayable, operation
from grading.sandbox.inside.replaying import replayed as computed

pytestmark = pytest.mark.watched
B = 6


class Layers(nn.Module):
    """Many of the layers that networks are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.1, inplace=True))
        self.pool, self.drop, self.norm = nn.MaxPool2d(2), nn.Dropout(0.5), nn.GroupNorm(2, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.embedding, self.last = nn.Embedding(10, 8), nn.Linear(2 * 64 + 8, 5)
        self.register_buffer("table", torch.linspace(0, 1, 10))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        found = self.drop(self.norm(self.pool(self.first(x))))
        flat = found.flatten(2).transpose(1, 2)
        flat = flat + self.attention(flat, flat, flat, need_weights=False)[0]
        found = self.up(flat.transpose(1, 2).reshape(found.shape)) * self.table[y].view(-1, 1, 1, 1)
        found = F.interpolate(found, scale_factor=1.0) + F.softplus(x).mean()
        return F.softmax(self.last(torch.cat([found.flatten(1), self.embedding(y)], 1)), dim=1)


class Watched:
    """A student whose probe is asked in this process; `answers` is what it says where nobody watches."""

    def __init__(self, network: nn.Module, answers: Callable[..., Any] | None = None) -> None:
        self.network, self.answers = network, answers or network
        self.weights = {name: value.clone() for name, value in network.state_dict().items()}

    def begin_again(self) -> None:
        """There is but one process."""

    def passed(self, **args: Tensor) -> Any:
        with torch.no_grad():
            return self.answers(*args.values())

    def ask(self, probe: str, args: dict[str, Any]) -> Any:
        assert probe == "recorded!"
        given = args["args"]
        return recorded(lambda: self.network(*given.values()), list(given.values()), [self.network])

    def anew(self, probe: str, args: dict[str, Any], seed: str) -> Any:
        assert probe == "replayed!"
        return computed(**args)


def questions() -> Iterator[dict[str, Tensor]]:
    rng = torch.Generator().manual_seed(3)
    for _ in range(5):
        yield {"x": torch.rand(B, 1, 8, 8, generator=rng), "y": torch.randint(0, 10, (B,), generator=rng)}


def found(network: nn.Module, answers: Callable[..., Any] | None = None, also: str = "") -> Replay:
    student = Watched(network.eval(), answers)
    heard = Heard(student, "passed", "tests")
    for args in questions():
        heard(args["x"], **args)
    return replayed(student, heard, student.weights, also)


def test_what_layers_compute_is_computed_again() -> None:
    torch.manual_seed(0)
    proof = found(Layers(), also="moved")
    assert proof.why == ""
    assert proof.unlike < 1e-6
    assert proof.constants == 0
    assert proof.holds
    assert set(proof.tables) == {"embedding.weight", "table"}
    assert {name for name, far in proof.matters.items() if far > 1e-3} >= {"embedding.weight", "last.weight", "table"}


def test_weights_that_do_not_matter_are_told() -> None:
    class Beside(Layers):
        """Calls another layer for nothing."""

        def __init__(self) -> None:
            super().__init__()
            self.beside = nn.Linear(64, 5)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return super().forward(x, y) + 0 * self.beside(x.flatten(1))

    matters = found(Beside(), also="moved").matters
    assert matters["beside.weight"] == matters["beside.bias"] == 0
    assert matters["last.weight"] > 0.1


class Reading(Layers):
    """Reads numbers out of the tensors on its way: that cannot be computed again for other images."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x, y) * float(x[0].mean())


class Numpy(Layers):
    """Leaves torch on its way."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x, y) + torch.from_numpy(x.numpy().mean((1, 2, 3))).view(-1, 1)


@pytest.mark.parametrize("network", [Reading, Numpy])
def test_what_leaves_torch_is_not_the_same_for_other_images(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    proof = found(network())
    assert not proof.holds


def test_other_answers_than_those_computed_are_seen() -> None:
    torch.manual_seed(0)
    network = Layers().eval()
    assert not found(network, lambda x, y: network(x, y).roll(1, 0)).holds
    assert not found(network, lambda x, y: network(x, y)[:, :4]).holds
    assert not found(network, lambda x, y: network(x, y) + torch.nan).holds


def test_other_weights_than_those_handed_in_are_seen() -> None:
    torch.manual_seed(0)
    network = Layers().eval()
    student = Watched(network)
    student.weights["last.weight"] = torch.randn(student.weights["last.weight"].shape)
    heard = Heard(student, "passed", "tests")
    for args in questions():
        heard(args["x"], **args)
    assert not replayed(student, heard, student.weights).holds
    assert "there is no weight" in replayed(student, heard, {}).why


def test_numbers_that_are_no_weights_are_counted() -> None:
    kept = torch.rand(30, 64)

    class Kept(Layers):
        """Finds the nearest of kept images."""

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return kept[torch.cdist(x.flatten(1), kept).argmin(1)]

    proof = found(Kept())
    assert proof.holds
    assert proof.constants == kept.numel()


def test_layers_in_a_plain_list_count_as_no_weights() -> None:
    class Listed(nn.Module):
        """Its state dict knows nothing of its layers."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(64, 7)]

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.layers[0](x.flatten(1))

    assert found(Listed()).constants == 64 * 7 + 7


@pytest.mark.parametrize(
    "name",
    ["aten.from_file.default", "aten.set_.source_Storage", "prims.add.default", "aten.add", "aten.add.__class__"],
)
def test_operations_that_are_not_known_are_not_computed(name: str) -> None:
    with pytest.raises(Unsayable):
        operation(name)


@pytest.mark.parametrize(
    "program",
    [
        '{"steps": [["weight", "a", "float32"]], "gives": [0]}',
        '{"steps": [["input", 7]], "gives": [0]}',
        '{"steps": [["aten.relu.default", [{"tensor": 5}], {"dict": []}, 1]], "gives": [0]}',
        '{"steps": [["aten.relu.default", [{"of torch": "load"}], {"dict": []}, 1]], "gives": [0]}',
        '{"steps": [["input", 0], ["aten.relu.default", [{"tensor": 0}], {"dict": []}, 3]], "gives": [0]}',
        '{"steps": 3, "gives": []}',
        "not JSON",
        "[]",
    ],
)
def test_a_program_that_is_none_is_told(program: str) -> None:
    assert computed(program, [], [], [], [torch.zeros(2)], 1, "")["why"]


def test_a_program_may_change_its_tensors_and_not_ours() -> None:
    x = torch.zeros(3)
    told = recorded(lambda: x.clone().add_(1).mul_(2), [x], [])
    program = Program(told["program"], told["constants"], {})
    assert [program.run([torch.ones(3)])[0].tolist() for _ in range(2)] == [[4.0] * 3] * 2
    inputs = torch.ones(3)
    told = recorded(lambda: x.add_(1), [x], [])
    assert Program(told["program"], [], {}).run([inputs])[0].tolist() == [2.0] * 3
    assert inputs.tolist() == [1.0] * 3


def test_a_student_who_cannot_be_watched() -> None:
    class Silent(Watched):
        """Raises where it is watched."""

        def ask(self, probe: str, args: dict[str, Any]) -> Any:
            raise Crashed("no")

    student = Silent(Layers().eval())
    heard = Heard(student, "passed", "tests")
    for args in questions():
        heard(args["x"], **args)
    assert replayed(student, heard, student.weights).why == "no"


def test_a_loss_without_weights() -> None:
    torch.manual_seed(0)
    student = Watched(Layers().eval())
    halves = [Heard(student, "passed", str(seed)) for seed in range(2)]
    for args in questions():
        for half in halves:
            half(args["x"], **args)
    said = SimpleNamespace(count=0)

    def loss(anew: Tensor, about: Tensor) -> float:
        said.count += 1
        assert anew.shape == (B, 5) and about.shape == (B, 1, 8, 8)
        return 7.0

    earned = Earned(*halves, own=3.0, of_drawn=loss, anew=lambda: 1 / 0, unit="nats")
    told = {each.name: each.value for each in follows_weights(student, "vae.pt", student.weights, earned)}
    assert said.count == 1
    assert told["loss_moved"] == 0
    assert told["loss_without_weights"] == 7.0
    assert told["unlike"] < 1e-6


def test_a_loss_that_cannot_be_computed_again_is_asked_for_with_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(replays, "losses", lambda student, file, loss: {"anew": 9.0, "nearly": 3.3})
    student = Watched(Reading().eval())
    halves = [Heard(student, "passed", str(seed)) for seed in range(2)]
    for args in questions():
        for half in halves:
            half(args["x"], **args)
    earned = Earned(*halves, own=3.0, of_drawn=lambda anew, about: 1 / 0, anew=lambda: 3.0, unit="nats")
    told = {each.name: each.value for each in follows_weights(student, "vae.pt", student.weights, earned)}
    assert told["loss_without_weights"] == 9.0
    assert told["loss_moved"] == pytest.approx(0.1)
    trained_here = {each.name: each.value for each in follows_weights(student, "", student.weights, earned)}
    assert trained_here["loss_without_weights"] == 1000.0


class ByLabel(Layers):
    """Picks by labels that it reads one by one."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        hot = torch.zeros(len(y), 10)
        for row, label in enumerate(y.tolist()):
            hot[row, label] = 1
        return super().forward(x, y) + hot[:, :5]


class Sampled(Layers):
    """Uses torch's distributions."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        found = super().forward(x, y)
        return torch.distributions.Normal(found, 1.0).mean + torch.nn.functional.hardshrink(found)


@pytest.mark.parametrize("network", [ByLabel, Sampled])
def test_unusual_code_is_computed_again(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    assert found(network()).holds


def test_numbers_beside_what_is_compared_do_not_count() -> None:
    class Noisy(Layers):
        """Draws with NumPy what is given back second."""

        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return super().forward(x, y), x + torch.from_numpy(numpy.random.default_rng(0).normal(size=x.shape)).float()

    student = Watched(Noisy().eval())
    heard = Heard(student, "passed", "tests", first=1)
    for args in questions():
        heard(args["x"], **args)
    proof = replayed(student, heard, student.weights)
    assert proof.holds and proof.constants == 0
