"""Images in [0, 1] or [-1, 1] as bytes, the way pictures are shown.

Judged by docs/right.md#shapes-and-types, #one-mistake-once.
"""

import torch
from torch import Generator, Tensor

from grading.checks.compare import HALF, NEARLY, Disagreement, close, parts, shown, tensor
from grading.errors import Crashed, NotDone
from grading.subjects import Subject

COUNT, SIDE = 3, 32
ABOUT = 1.01  # rounding and cutting off are both right


def denormalize(student: Subject, reference: Subject, rng: Generator) -> None:
    """denormalize turns images [B, 3, H, W] in [0, 1] into numpy.uint8 [B, H, W, 3] from 0 to 255, and leaves x alone."""
    _judge(student, "A9_vae", _images(rng), 255.0, 0.0)


def denormalize_generated(student: Subject, reference: Subject, rng: Generator) -> None:
    """denormalize undoes the generator's range, [0, 1] or [-1, 1]: numpy.uint8 [B, H, W, 3] from 0 to 255, x left alone."""
    x = _images(rng)
    ranges = _ranges(student)
    first: Disagreement | None = None
    for factor, offset in ranges:
        try:
            return _judge(student, "A9_acgan", x if offset == 0 else 2 * x - 1, factor, offset)
        except Disagreement as error:
            first = first or error
    assert first is not None
    raise first


def _ranges(student: Subject) -> tuple[tuple[float, float], ...]:
    """Factor and offset from the generator's range to bytes; either range where the generator raises, which has a row of its
    own (docs/right.md#one-mistake-once)."""
    unit, signed = (255.0, 0.0), (127.5, 127.5)
    try:
        drawn = tensor(student.generator_pass(z=None, y=9 - torch.arange(4), seed="a"), "what the generator gives")
    except (Crashed, NotDone, Disagreement):
        return unit, signed
    return (signed, unit) if drawn.numel() and drawn.min() < -1e-4 else (unit,)


def _images(rng: Generator) -> Tensor:
    """Images that no turn or mirror leaves as they are, from 0 to 1 in every one."""
    x = torch.rand(COUNT, 3, SIDE, SIDE, generator=rng)
    x[:, :, 0, 0], x[:, :, 0, 1] = 0.0, 1.0
    return x


def _judge(student: Subject, file: str, x: Tensor, factor: float, offset: float) -> None:
    """Raises Disagreement unless the answer is factor * x + offset, channels last, as bytes."""
    answer = parts(student.denormalize(file=file, x=x, seed="a"), kind=str, is_array=bool, left=Tensor)
    if not isinstance(answer.get("pixels"), Tensor):
        raise Disagreement(
            "denormalize should return an array of numpy.uint8", expected="uint8", actual=str(answer["kind"])
        )
    found, right = tensor(answer["pixels"], "what denormalize returns"), factor * x.double() + offset
    told = {"expected": shown(right.permute(0, 2, 3, 1).floor()), "actual": shown(found)}
    _judge_place(found, right, told)
    if answer["kind"] not in ("uint8", "torch.uint8"):
        raise Disagreement(
            f"the numbers are right, but are {answer['kind']}: pictures of 0 to 255 are numpy.uint8",
            share=HALF,
            bug="not-uint8",
            **told,
        )
    if not torch.equal(tensor(answer["left"], "the images that denormalize was given").float(), x):
        raise Disagreement(
            "denormalize changes its input: work on a copy (x = x * 255, not x *= 255)",
            share=HALF,
            bug="mutates-inputs",
            **told,
        )
    if not answer["is_array"]:
        raise Disagreement(
            "the numbers are right, in a tensor: an array of numpy is asked for", share=NEARLY, bug="not-numpy", **told
        )


def _judge_place(found: Tensor, right: Tensor, told: dict[str, str]) -> None:
    """Every number in its place, give or take one: known misplacements are told."""
    last = right.permute(0, 2, 3, 1)
    if found.shape == last.shape and _about(found, last):
        return
    slips = {
        "channels-first": (right, "the channels come first; imshow wants them last: permute(0, 2, 3, 1)", HALF),
        "axes-swapped": (
            right.permute(0, 3, 2, 1),
            "rows and columns have changed places: permute(0, 2, 3, 1), not transpose(1, 3)",
            0.0,
        ),
        "reshaped": (right.reshape(last.shape), "reshape does not move the channels: permute(0, 2, 3, 1) does", 0.0),
        "not-scaled": (last / 255, "the numbers are still in [0, 1]: multiply by 255", 0.0),
        "not-scaled-to-bytes": ((last / 255).floor(), "converted to bytes before it was multiplied by 255", 0.0),
        "not-scaled-to-bytes ": ((last / 255).floor() * 255, "converted to bytes before it was multiplied by 255", 0.0),
        "overflow": ((last / 255 * 256).floor() % 256, "white becomes 0: 1 * 256 does not fit into a byte", 0.0),
        "other-range": ((last / 255 + 1) * 127.5, "that undoes [-1, 1]; these images are in [0, 1]", 0.0),
    }
    for bug, (wrong, message, share) in slips.items():
        exact = bug.strip() in ("overflow", "not-scaled", "not-scaled-to-bytes")
        near = close(found, wrong, 0.0, 1e-3) if exact else found.shape == wrong.shape and _about(found, wrong)
        if found.shape == wrong.shape and near:
            raise Disagreement(message, share=share, bug=bug.strip(), **told)
    if found.shape != last.shape:
        raise Disagreement("denormalize should return [B, H, W, 3]", **told)
    raise Disagreement("denormalize does not give the pixels from 0 to 255", **told)


def _about(found: Tensor, right: Tensor) -> bool:
    return found.shape == right.shape and bool((found - right).abs().max() <= ABOUT)
