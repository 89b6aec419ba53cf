"""report.json: complete, strict, and the same words as were said."""

import dataclasses
import hashlib
import json
import unicodedata
from typing import Any

import pytest
from report_hostile import hostile
from report_reading import follows, strict_json
from report_samples import ordinary

from grading.records import Report
from grading.report.record import SCHEMA, dump, record


def told(report: Report) -> Any:
    return strict_json(dump(record(report)))


@pytest.mark.parametrize("report", [ordinary(), hostile(), dataclasses.replace(ordinary(), outcomes=())])
def test_it_follows_the_schema(report: Report) -> None:
    follows(told(report), "report.schema.json")


def test_every_field_of_the_report_is_in_it() -> None:
    content, report = told(ordinary()), ordinary()
    assert set(content) == {field.name for field in dataclasses.fields(Report)} | {"schema", "points", "max_points"}
    assert content["schema"] == SCHEMA
    wanted = json.loads(json.dumps(dataclasses.asdict(report), default=lambda png: None))
    for place, outcome in enumerate(wanted["outcomes"]):
        outcome["evidence"]["pictures"] = content["outcomes"][place]["evidence"]["pictures"]
        assert content["outcomes"][place] == outcome
    assert content["files"] == wanted["files"]
    assert content["versions"] == dict(report.versions)


def test_the_totals_are_those_of_the_report() -> None:
    content = told(ordinary())
    assert (content["points"], content["max_points"]) == (ordinary().points, ordinary().max_points)


def test_pictures_are_named_and_not_copied() -> None:
    picture = ordinary().outcomes[5].evidence.pictures[0]
    shown = told(ordinary())["outcomes"][5]["evidence"]["pictures"][0]
    digest = hashlib.sha256(picture.png).hexdigest()
    assert shown == {"caption": picture.caption, "size": len(picture.png), "sha256": digest}
    assert len(dump(record(ordinary()))) < 30_000


def test_numbers_that_json_cannot_hold_can_be_read_back_with_float() -> None:
    content = told(hostile())
    measurement = content["outcomes"][0]["evidence"]["measurements"][0]
    assert [measurement[key] for key in ("value", "low", "high")] == ["nan", "-inf", "inf"]
    assert float(content["seconds"]) == float("inf")
    assert content["outcomes"][-2]["points"] == "nan"


def test_text_is_kept_as_it_was_said() -> None:
    content = told(hostile())
    assert "\x1b[31mred\x1b[0m" in content["title"] and "<script>" in content["title"]
    assert "\\ud800" in content["title"]
    assert len(content["outcomes"][0]["stdout"]) > 1_000_000


def test_what_steers_a_terminal_is_in_the_file_as_an_escape_and_comes_back() -> None:
    words = "".join(map(chr, (*range(0x80, 0xA0), 0x7F, 0xAD, 0x61C, 0x200F, 0x2028, 0x202E, 0x2066, 0xFEFF, 0xE0041)))
    report = dataclasses.replace(ordinary(), title=f"a{words}\x1bé李z", submission=words)
    text = dump(record(report))
    assert not [each for each in text if each != "\n" and unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")]
    assert "é李z" in text
    assert (strict_json(text)["title"], strict_json(text)["submission"]) == (report.title, words)
