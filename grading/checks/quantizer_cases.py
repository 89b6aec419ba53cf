"""What a vector quantizer is asked, and how its answers are read. van den Oord et al. 2017 (arXiv:1711.00937).

Codes are put into the codebook, so that the judge knows them. One mistake costs once: losses and perplexity are judged by
the codes that the submission itself has chosen as well as by the nearest ones.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Generator, Tensor

from grading.checks.compare import Disagreement, parts, tensor
from grading.checks.formula import WrongShape, script
from grading.checks.search import on_the_smallest_input
from grading.errors import BadAnswer
from grading.subjects import Subject

GRID = sorted(((x / 2, y / 2) for x in range(-6, 7) for y in range(-6, 7)), key=lambda v: (abs(v[0]) + abs(v[1]), v))
NEAR = 1e-5  # of the squared lengths: float32 writes a squared distance as |z|^2 - 2 z e + |e|^2


@dataclass(frozen=True)
class Case:
    """One question to a quantizer."""

    inputs: Tensor  # [B, D, H, W]
    codes: Tensor  # [K, D], K other than D
    cost: float = 0.25

    def vectors(self) -> Tensor:
        """The vectors to quantize: [N, D], float64."""
        return rows(self.inputs).double()

    def distances(self) -> Tensor:
        """Squared distances between vectors and codes: [N, K], float64."""
        return squared_distances(self.vectors(), self.codes.double())

    def written(self) -> list[str]:
        """Lines that make the inputs and a quantizer with these codes, whatever its codebook is called."""
        count, width = self.codes.shape
        return [
            f"inputs = torch.tensor({self.inputs.tolist()})",
            f"quantizer = VectorQuantizer({count}, {width}, {self.cost:g})",
            f"codes = torch.tensor({self.codes.tolist()})",
            "torch.nn.utils.vector_to_parameters(codes.flatten(), quantizer.parameters())",
        ]

    def script(self, call: str) -> str:
        """Lines to paste; none where the numbers are too many to read."""
        return script(call, self.written()) if self.inputs.numel() + self.codes.numel() <= 64 else ""


def rows(images: Tensor) -> Tensor:
    """The channels of every pixel as one vector: [B, D, H, W] -> [N, D]."""
    return images.permute(0, 2, 3, 1).flatten(0, 2)


def pixels(vectors: Tensor, like: Tensor) -> Tensor:
    """The inverse of `rows`: [N, D] -> [B, D, H, W]."""
    batch, width, height, breadth = like.shape
    return vectors.reshape(batch, height, breadth, width).permute(0, 3, 1, 2)


def squared_distances(z: Tensor, e: Tensor) -> Tensor:
    """[N, D] and [K, D] -> [N, K]."""
    return torch.cdist(z, e, compute_mode="donot_use_mm_for_euclid_dist").square()


def drawn(rng: Generator, shape: tuple[int, int, int, int], count: int, cost: float = 0.25) -> Case:
    """Normal inputs of that shape, and `count` normal codes."""
    return Case(torch.randn(shape, generator=rng), torch.randn(count, shape[1], generator=rng), cost)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One or two images of two to four vectors of two numbers, and three or four codes."""
    shape = (draw(st.integers(1, 2)), 2, *draw(st.sampled_from([(1, 2), (2, 1), (2, 2)])))
    count = draw(st.integers(3, 4))
    size = shape[0] * shape[2] * shape[3]
    vectors = draw(st.lists(st.sampled_from(GRID), min_size=size, max_size=size))
    codes = draw(st.lists(st.sampled_from(GRID), min_size=count, max_size=count, unique=True))
    inputs = pixels(torch.tensor(vectors), torch.empty(shape)).contiguous()
    return Case(inputs, torch.tensor(codes), draw(st.sampled_from([0.25, 0.5, 2.0, 0.0])))


def on_a_small_case(
    first: Disagreement, small: st.SearchStrategy[Case], judge: Callable[[Case], object]
) -> Disagreement:
    """What was found first, told by the smallest case that fails as well, where a smaller one shows it better."""
    return first if isinstance(first, WrongShape) else on_the_smallest_input(first, small, judge)


def asked(student: Subject, case: Case, cotangent: Tensor | None = None) -> dict[str, Any]:
    """What came of one forward pass. Raises WrongShape where there is no codebook to put the codes in."""
    arriving = torch.ones_like(case.inputs) if cotangent is None else cotangent
    answer = parts(
        student.quantize(inputs=case.inputs, codes=case.codes, cost=case.cost, cotangent=arriving),
        quantized=Tensor,
        codebooks=int,
        through=dict,
        numbers=list,
        place=str,
        returned=str,
    )
    answer.update(numbers=answer["numbers"] or [], through=answer["through"] or {})
    if not all(isinstance(number, dict) for number in answer["numbers"]):
        raise BadAnswer("each of the numbers should come with its gradients")
    if not answer["codebooks"]:
        raise WrongShape(
            "VectorQuantizer has no codebook: a parameter of shape [num_embeddings, embedding_dim]",
            bug="no-codebook",
            expected=f"VectorQuantizer({len(case.codes)}, {case.codes.shape[1]}, …) has a parameter of shape "
            f"{list(case.codes.shape)}",
        )
    return answer


def quantized(answer: dict[str, Any], case: Case) -> Tensor:
    """The quantized tensor [B, D, H, W], float64, also where its channels came last. Raises WrongShape where none came."""
    found = answer["quantized"]
    if found is None:
        raise WrongShape(
            "forward returns no quantized tensor: one that is shaped like its inputs",
            bug="no-quantized",
            expected=f"a tensor of shape {list(case.inputs.shape)} among the answers",
            actual=answer["returned"],
        )
    if came_last(found, case):
        found = found.permute(0, 3, 1, 2)
    return tensor(found, "the quantized tensor", case.inputs.shape)


def came_last(found: Tensor, case: Case) -> bool:
    """Whether the channels are the last dimension."""
    return found.shape != case.inputs.shape and found.shape == case.inputs.permute(0, 2, 3, 1).shape


@dataclass(frozen=True)
class Reading:
    """Which code each vector got. What losses and perplexity are may be told by it."""

    vectors: Tensor  # [N, D], float64
    codes: Tensor  # [K, D], float64
    chosen: Tensor  # [N]
    flat: bool  # vectors are runs of D numbers in memory, rather than the channels of a pixel

    def errors(self) -> Tensor:
        """z - q: [N, D]."""
        return self.vectors - self.codes[self.chosen]

    def usage(self) -> Tensor:
        """The share of the vectors that each code got: [K]."""
        return torch.bincount(self.chosen, minlength=len(self.codes)).double() / len(self.chosen)


def readings(answer: dict[str, Any], case: Case) -> Iterator[Reading]:
    """The nearest codes; then the codes that the submission's own quantized tensor holds, read by pixels and as it lies in
    memory."""
    codes = case.codes.double()
    yield Reading(case.vectors(), codes, case.distances().argmin(1), flat=False)
    if answer["quantized"] is None:
        return
    found, width = quantized(answer, case), codes.shape[1]
    ways = (
        (case.vectors(), rows(found), False),
        (case.inputs.double().reshape(-1, width), found.reshape(-1, width), True),
    )
    for vectors, own, flat in ways:
        distance, chosen = squared_distances(own, codes).min(1)
        if (distance <= NEAR * (1 + vectors.square().sum(1) + own.square().sum(1))).all():
            yield Reading(vectors, codes, chosen, flat)
