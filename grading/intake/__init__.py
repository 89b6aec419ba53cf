"""What a student hands in, made safe to use: a folder, a zip or a tar becomes the expected files and nothing else."""

from grading.intake.apart import apart
from grading.intake.containing import by_containing
from grading.intake.laying import examined
from grading.intake.matching import Found, Matching, match
from grading.intake.mismatch import explain_mismatch
from grading.intake.taking import Intake, add_starters, defined_names, names_in, take_in
from grading.intake.weights import WeightsManifest, quarantine

__all__ = [
    "Found",
    "Intake",
    "Matching",
    "WeightsManifest",
    "add_starters",
    "apart",
    "by_containing",
    "defined_names",
    "examined",
    "explain_mismatch",
    "match",
    "names_in",
    "quarantine",
    "take_in",
]
