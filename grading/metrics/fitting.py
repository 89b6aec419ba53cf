"""Why weights that were handed in do not serve: refused, or of another model."""

from grading.errors import AnswerError, SubmissionError, WeightsError
from grading.intake import explain_mismatch
from grading.subjects import Submission


def unfit(student: Submission, file: str, error: SubmissionError) -> str:
    """What stood in the way of using a weights file, as a sentence: what it and the model have in common, where that is it.

    error: what came of trying
    """
    if isinstance(error, WeightsError):
        return str(error)
    manifest = student.weights(file)
    try:
        model = {name: tuple(shape) for name, shape in student.state_shapes(file=file).items()}
    except AnswerError:
        return f"the code raised an exception: {error}"
    told = explain_mismatch({name: shape for name, shape, _ in manifest.tensors}, model) or " ".join(manifest.notes)
    if manifest.whole:
        told = f"{told} {manifest.notes[0]}"
    return f"{file} does not fit the model. {told}" if told else f"the code raised an exception: {error}"
