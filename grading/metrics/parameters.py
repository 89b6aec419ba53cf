"""How large a model is, counted from the weights that were handed in."""

from grading.metrics.setting import Setting
from grading.records import Evidence, Measurement
from grading.subjects import Submission


def count(student: Submission, setting: Setting) -> Evidence:
    """The number of parameters in a weights file, as it came out of the quarantine."""
    manifest = student.weights(setting.sampling.file)
    n = float(manifest.parameters)
    return Evidence(
        (
            Measurement(
                "parameters",
                f"parameters in {manifest.name}",
                n,
                n,
                n,
                len(manifest.tensors),
                "",
                "counted by the judge",
            ),
        )
    )
