"""report.json: everything that is known of one grading, for programs and for whoever asks years later.

Numbers that JSON has no word for become the strings "nan", "inf" and "-inf", so that `float()` reads every number back.
Text is kept as it was, escape sequences and all; only halves of surrogate pairs, which no UTF-8 file can hold, are
written out as "\\ud800". Pictures are named by caption, size and SHA-256: their bytes are in the page.
"""

import hashlib
import json
import math
from dataclasses import fields, is_dataclass
from typing import Any

from grading.records import Picture, Report

SCHEMA = "elbograde/report/1"  # raised when a reader of the old form would misread the new one


def record(report: Report) -> dict[str, object]:
    """The report as what JSON can hold, with the two totals worked out."""
    body: dict[str, object] = _plain(report)
    totals = {"points": _plain(report.points), "max_points": _plain(report.max_points)}
    return {"schema": SCHEMA, **totals, **body, "versions": {_plain(k): _plain(v) for k, v in report.versions}}


def dump(content: dict[str, object]) -> str:
    """Strict JSON."""
    return json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Dataclasses become objects, tuples arrays."""
    if isinstance(value, Picture):
        digest = hashlib.sha256(value.png).hexdigest()
        return {"caption": _plain(value.caption), "size": len(value.png), "sha256": digest}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    if isinstance(value, str):
        return str(value).encode("utf-8", "backslashreplace").decode()
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
