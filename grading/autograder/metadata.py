"""submission_metadata.json. Its form may change, so nothing in it is needed: what cannot be read is as if it were not there.

Names and addresses of people are not read at all.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LARGEST = 64 << 20  # bytes


@dataclass(frozen=True)
class Metadata:
    """What is used of it."""

    submission: str = ""  # its id
    created_at: str = ""
    total_points: float | None = None  # of the assignment, as set on the site
    before: Mapping[str, Any] = field(default_factory=dict)  # the record that the latest earlier grading kept


def read(path: Path) -> Metadata:
    """Reads what can be read; never raises."""
    said = _object(_json(path))
    return Metadata(
        _text(said.get("id")),
        _text(said.get("created_at")),
        _number(_object(said.get("assignment")).get("total_points")),
        _before(said.get("previous_submissions")),
    )


def _json(path: Path) -> object:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None
    return content


def _before(previous: object) -> Mapping[str, Any]:
    """The platform keeps results for the latest earlier submission only; wherever they are, the last ones count."""
    for earlier in reversed(previous if isinstance(previous, list) else []):
        if kept := _object(_object(_object(earlier).get("results")).get("extra_data")):
            return kept
    return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return str(value)[:100] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(value: object) -> float | None:
    """Documented as a string: "20.0"."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
