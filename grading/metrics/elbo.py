"""To be written."""

from grading.metrics.setting import Setting
from grading.records import Evidence
from grading.subjects import Submission


def validation(student: Submission, setting: Setting) -> Evidence:
    """To be written."""
    raise NotImplementedError
