"""Reading one file of a submission, as far as there is room for it."""

from grading.errors import IntakeError
from grading.intake import limits
from grading.intake.archives import readable
from grading.intake.entries import Entry


def read_at_most(entry: Entry, most: int) -> bytes | None:
    """The file; None where it is larger than there is room for, or cannot be read."""
    content = bytearray()
    try:
        with readable(entry.name), entry.open() as stream:
            while len(content) <= most and (piece := stream.read(min(limits.GULP, most + 1))):
                content += piece
    except (IntakeError, OSError):
        return None
    return bytes(content) if len(content) <= most else None
