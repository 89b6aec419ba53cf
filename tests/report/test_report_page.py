"""The HTML page, read as text: complete, self-contained and harmless."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import pytest
from report_hostile import hostile
from report_reading import Page, harmless
from report_samples import ordinary, row

from grading.records import Outcome, Report, Status, Verdict
from grading.report import page as page_module
from grading.report.page import page
from grading.report.wording import fingerprint

ROOM = Path(page_module.__file__).parent


def with_rows(*outcomes: Outcome) -> Report:
    return dataclasses.replace(ordinary(), outcomes=outcomes)


@pytest.fixture(scope="module")
def sample() -> Page:
    return harmless(page(ordinary()))


@pytest.mark.parametrize("report", [ordinary(), hostile(), with_rows()])
def test_nothing_on_the_page_can_run_or_fetch(report: Report) -> None:
    found = harmless(page(report))
    policies = [meta["content"] for meta in found.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


def test_hostile_text_is_shown_as_text_and_not_as_anything_else() -> None:
    html = page(hostile())
    assert "{{ 7*7 }}" in Page(html).text
    assert "<script" not in html and 'onerror="' not in html
    assert not any(mark in html for mark in ("\x1b", "\x9b", "\x00", "\u202e", "\ud800"))
    html.encode("utf-8")


def test_a_megabyte_of_prints_is_cut(sample: Page) -> None:
    shout = row("a", "p", "t", Status.PASSED, 1, 1.0, stdout="Score: 100\n" * 100_000)
    html = page(with_rows(shout))
    assert len(html) < 60_000
    assert "1,080,000 characters left out" in html
    assert "what the code printed" in Page(html).text


@pytest.mark.parametrize("template", sorted(ROOM.glob("*.html")), ids=lambda path: path.name)
def test_no_template_switches_escaping_off(template: Path) -> None:
    assert not re.search(r"\|\s*safe|autoescape|Markup|<script|https?://", template.read_text("utf-8"))


def test_the_head_of_the_page_tells_mark_bonus_and_what_is_missing(sample: Page) -> None:
    head = sample.text.split("What to work on")[0]
    assert "60.03 / 84 points of what was judged, and 5 of 5 bonus points" in head
    assert "1 row waits for a human" in head
    assert "1 row could not be judged, by the grader’s fault" in head
    assert "mira-okafor.zip" in head


def test_what_to_work_on_comes_first_and_the_dearest_first(sample: Page) -> None:
    work = sample.text.split("What to work on")[1].split("Notices")[0]
    assert re.findall(r"−[\d.]+", work) == ["−10", "−6", "−4.64", "−3.33"]
    assert "The sign of the KL divergence is turned" in work
    assert "57.1% (95 %: 54.9% to 59.3%, n = 2000); full marks at 60%" in work
    assert "What to work on" not in harmless(page(with_rows(row("a", "p", "t", Status.PASSED, 4, 4.0)))).text


@pytest.mark.parametrize(
    "wanted",
    [
        "Known bug: kl-sign",
        "expected tensor(0.5000)",
        "your code gave tensor(-0.5000)",
        "to see it yourself import torch",
        "kl tensor(-0.5000)",
        "84 % (71 to 92) n=50",
        "the mark was decided",
        "873,409",
        "Assumed: the reduction over the batch is left open",
        "Assumed for 1.1, 1.2, 1.5: the handout gives this task",
        "Handout 2.1.1, equation (1)",
        "found in a folder",
        "1.8 MB",
        "A5_diffusion_submission(1).py was taken as",
        "3 min 32 s",
        "2026-03-14T16:05:09Z",
        "bubblewrap",
        "2.10.0",
        "The loss is a scalar that carries a gradient",
        "after published",
        "your value is minus this sum.",
        "Generated images, one class in each column",
        "what went wrong, for staff Traceback",
        "The grader could not judge this, by its own fault.",
    ],
)
def test_the_page_tells(sample: Page, wanted: str) -> None:
    assert wanted in sample.text


def test_where_no_verdict_says_why_the_measured_value_does() -> None:
    outcome = next(outcome for outcome in ordinary().outcomes if outcome.item == "ddpm.accuracy")
    work = harmless(page(with_rows(dataclasses.replace(outcome, verdicts=())))).text.split("What to work on")[1]
    assert "accuracy by the judge classifier: 57.1 % (54.9 to 59.3)" in work.split("Notices")[0]


def test_the_seed_is_told_apart_and_not_told(sample: Page) -> None:
    assert ordinary().seed not in sample.text
    assert fingerprint(ordinary().seed) in sample.text


def test_every_status_is_told_in_words_and_by_a_mark(sample: Page) -> None:
    for word in ("passed", "partly right", "failed", "skipped", "waits for a human", "not judged", "for information"):
        assert word in sample.text
    marks = {use["href"] for use in sample.named("use")}
    assert marks == {f"#mark-{status}" for status in Status}
    assert marks <= {f"#{symbol['id']}" for symbol in sample.named("symbol")}


def test_every_link_leads_somewhere_and_no_name_is_given_twice(sample: Page) -> None:
    names = [attributes["id"] for _, attributes in sample.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {str(link["href"])[1:] for link in sample.named("a")} <= set(names)
    assert {attributes.get("aria-labelledby", names[0]) for _, attributes in sample.elements} <= set(names)


def test_a_row_that_lost_points_without_a_word_is_linked_to_its_line() -> None:
    found = harmless(page(with_rows(row("a", "p", "silent", Status.SKIPPED, 4, 0.0))))
    assert [link["href"] for link in found.named("a")] == ["#part-1", "#line-1-1"]
    assert "line-1-1" in [line.get("id") for line in found.named("tr")]


def test_pictures_have_a_size_and_say_what_they_show(sample: Page) -> None:
    images = sample.named("img")
    assert len(images) == 3
    assert all(image["alt"] and image["width"] == "280" and image["height"] == "280" for image in images)


def test_intervals_are_drawn_where_they_lie(sample: Page) -> None:
    intervals = [rect for rect in sample.named("rect") if rect.get("class") == "interval"]
    assert (intervals[0]["x"], intervals[0]["width"]) == ("71.0%", "21.0%")
    assert len(intervals) == 4
    assert all(svg["aria-label"] for svg in sample.named("svg") if svg.get("role") == "img")


def test_headings_do_not_skip_a_level(sample: Page) -> None:
    levels = [int(tag[1]) for tag, _ in sample.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_run_without_a_sandbox_and_a_partial_run_are_said_at_the_top() -> None:
    found = harmless(page(dataclasses.replace(ordinary(), confined=False, partial_run="--quick")))
    head = found.text.split("What to work on")[0]
    assert "Graded without a sandbox" in head and "Partial run (--quick): the totals are not a mark." in head
    assert any(p.get("class") == "banner alarm" for p in found.named("p"))
    assert "banner" not in [p.get("class") for p in harmless(page(ordinary())).named("p")]


def test_a_report_with_manual_rows_only_shows_no_number_as_its_mark() -> None:
    head = harmless(page(with_rows(row("a", "p", "t", Status.MANUAL, 4, None)))).text.split("No.")[0]
    assert "nothing has been judged yet" in head and "0 / " not in head


def test_a_row_that_lost_nothing_and_says_nothing_has_no_card() -> None:
    quiet = row("a", "p", "quiet", Status.PASSED, 4, 4.0)
    loud = row("b", "p", "loud", Status.FAILED, 4, 0.0, verdicts=(Verdict(0.0, "mend it"),))
    found = harmless(page(with_rows(quiet, loud)))
    assert [article["id"] for article in found.named("article")] == ["row-1-2"]
    assert found.text.count("quiet") == 1


def _shade(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_shade(one), _shade(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(scheme: str) -> None:
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", rules)) for rules in _palettes())
    colours = light if scheme == "light" else {**light, **dark}
    for ink in ("ink", "soft", *Status):
        for paper in ("paper", "card", "wash"):
            assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert _contrast(colours["alarm-ink"], colours["alarm"]) >= 4.5


def _palettes() -> list[str]:
    style = (ROOM / "style.html").read_text("utf-8")
    return re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
