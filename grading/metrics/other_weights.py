"""The submission with other weights in a file, and without its other files of weights.

The file is changed by our own code, in a process that has imported nothing of the submission.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from grading.checks.compare import Disagreement
from grading.errors import AnswerError
from grading.subjects import Submission

ANEW, NEARLY = "anew", "nearly"
NOT_ANSWERED = 1e3  # in the place of a distance or a loss


def other_files(
    student: Submission, file: str, how: str, anew: Collection[str] = (), but: Collection[str] = ()
) -> Mapping[str, bytes | None]:
    """The file with other weights, drawn "anew" or "nearly" the same, in a submission without other files of weights.

    anew: the names of those that are drawn anew in any case;  but: of those that stay, where there are others
    """
    others: dict[str, bytes | None] = dict.fromkeys(student.weights_there())
    return {**others, file: _changed(student, file, how, anew, but)}


def _changed(student: Submission, file: str, how: str, anew: Collection[str], but: Collection[str]) -> bytes:
    """The file with other weights, made in a process that has imported nothing of the submission."""
    every = [name for name, _, _ in student.weights(file).tensors]
    names = [name for name in every if name not in but] or every
    question = {"name": file, "how": how, "names": names, "anew": list(anew)}
    answer = student.anew("changed!", question, f"{file} {how}")
    content: bytes = answer["bytes"].numpy().tobytes()
    return content[: answer["size"]]


def losses(student: Submission, file: str, loss: Callable[[], float]) -> dict[str, float]:
    """What a loss is with the weights drawn anew, and with nearly the same: by "anew" and "nearly"."""
    found = dict.fromkeys((ANEW, NEARLY), NOT_ANSWERED)
    for how in found:
        with student.with_other_files(other_files(student, file, how)), suppress(AnswerError, Disagreement):
            found[how] = min(loss(), NOT_ANSWERED)
    return found
