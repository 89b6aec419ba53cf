"""report.json: everything that is known of one grading, for programs and for whoever asks years later.

Numbers that JSON has no word for become the strings "nan", "inf" and "-inf", so that `float()` reads every number back.
Text is kept as it was, but for halves of surrogate pairs, which no UTF-8 file can hold and which are written out as
"\\ud800". What would steer a terminal or an editor that shows the file is in it as JSON's own escapes: a reader of JSON gets
it back, nobody else meets it. Pictures are named by caption, size and SHA-256: their bytes are in the page.
"""

import hashlib
import json
import math
import re
from dataclasses import fields, is_dataclass
from typing import Any

from grading.records import Picture, Report

SCHEMA = "elbograde/report/1"  # raised when a reader of the old form would misread the new one

# What json.dumps leaves as it is: DEL, the control characters beyond ASCII, line ends of Unicode, and what is not
# seen itself and changes how the rest is shown.
_STEERING = re.compile(
    r"[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def record(report: Report) -> dict[str, object]:
    """The report as what JSON can hold, with the two totals worked out."""
    body: dict[str, object] = _plain(report)
    totals = {"points": _plain(report.points), "max_points": _plain(report.max_points)}
    return {"schema": SCHEMA, **totals, **body, "versions": {_plain(k): _plain(v) for k, v in report.versions}}


def dump(content: dict[str, object]) -> str:
    """Strict JSON."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1) + "\n"
    return _STEERING.sub(lambda found: json.dumps(found[0])[1:-1], text)


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
