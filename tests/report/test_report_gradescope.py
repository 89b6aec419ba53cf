"""results.json: what Gradescope takes, what it must not be told, and what it adds up."""

import dataclasses
from typing import Any

import pytest
from report_hostile import hostile
from report_pictures import garments, static
from report_reading import follows, harmless, strict_json
from report_samples import ordinary, row

from grading.records import NO_TIME, NOT_YET, Evidence, Outcome, Picture, Report, Status, Verdict
from grading.report.feedback import LIMIT, feedback
from grading.report.gradescope import TOTAL, dump, results
from grading.report.wording import fingerprint

MANUAL = row("a", "p", "by hand", Status.MANUAL, 4, None)


def told(report: Report) -> Any:
    """results.json as it is read back."""
    return strict_json(dump(results(report)))


def with_rows(*outcomes: Outcome) -> Report:
    return dataclasses.replace(ordinary(), outcomes=outcomes)


def opening(report: Report) -> str:
    """What every student reads first."""
    return harmless(told(report)["output"]).text


@pytest.mark.parametrize(
    "report",
    [
        ordinary(),
        hostile(),
        with_rows(),
        with_rows(MANUAL),
        dataclasses.replace(ordinary(), confined=False, partial_run="x"),
    ],
)
def test_it_follows_the_schema_and_its_html_is_harmless(report: Report) -> None:
    content = told(report)
    follows(content, "results.schema.json")
    harmless(content["output"])
    for test in content["tests"]:
        harmless(test["output"])
        assert len(test["output"].encode()) < 200_000


def test_every_row_is_a_test_with_its_number_in_order() -> None:
    tests = told(ordinary())["tests"]
    assert [test["number"] for test in tests] == [f"1.{n}" for n in range(1, 7)] + [f"2.{n}" for n in range(1, 10)]
    assert [test["name"] for test in tests][:2] == [outcome.title for outcome in ordinary().outcomes][:2]


def test_the_scores_add_up_to_the_points_of_the_report() -> None:
    content = told(ordinary())
    assert sum(test.get("score", 0) for test in content["tests"]) == pytest.approx(ordinary().points)
    assert "score" not in content


@pytest.mark.parametrize(
    ("status", "points", "wanted"),
    [
        (Status.PASSED, 4.0, {"score": 4.0, "max_score": 4, "status": "passed"}),
        (Status.FAILED, 0.0, {"score": 0.0, "max_score": 4, "status": "failed"}),
        (Status.PARTIAL, 8 / 3, {"score": 2.6667, "max_score": 4}),
        (Status.SKIPPED, 0.0, {"score": 0.0, "max_score": 4}),
        (Status.SKIPPED, None, {}),
        (Status.MANUAL, None, {}),
        (Status.UNSCORED, None, {}),
        (Status.SHOWN, None, {}),
        (Status.PASSED, float("nan"), {}),
    ],
)
def test_only_judged_rows_have_a_score_and_only_clear_ones_a_status(
    status: Status, points: float | None, wanted: dict[str, object]
) -> None:
    test = told(with_rows(row("a", "p", "t", status, 4, points)))["tests"][0]
    assert {key: test[key] for key in ("score", "max_score", "status") if key in test} == wanted


def test_where_no_row_has_a_score_the_whole_has_a_0_that_is_said_to_be_none() -> None:
    content = told(with_rows(MANUAL))
    assert content["score"] == 0
    assert "stands in for a mark and is none" in content["output"]
    assert "Waiting for a human, without a score yet: 1 row." in content["output"]


def test_a_bonus_row_is_named_so_and_never_above_its_own_maximum() -> None:
    test = told(ordinary())["tests"][-1]
    assert test["name"].startswith("Bonus: ") and "bonus" in test["tags"]
    assert (test["score"], test["max_score"]) == (5, 5)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("visible", "visible"),
        ("hidden", "hidden"),
        ("after_due_date", "after_due_date"),
        ("after_published", "after_published"),
        ("Visible", "hidden"),
        ("", "hidden"),
    ],
)
def test_a_visibility_that_gradescope_does_not_know_hides_the_row(given: str, taken: str) -> None:
    test = told(with_rows(row("a", "p", "t", Status.PASSED, 4, 4.0, visibility=given)))["tests"][0]
    assert test["visibility"] == taken


def test_what_every_student_may_read_does_not_speak_of_hidden_rows() -> None:
    secret = row("a", "p", "the secret", Status.UNSCORED, 4, None, visibility="hidden")
    output = told(with_rows(secret, row("b", "p", "open", Status.PASSED, 4, 4.0)))["output"]
    assert "judged" not in output and "secret" not in output and "4" not in output
    shown = dataclasses.replace(secret, visibility="visible")
    assert "Not judged, and counted neither for nor against the submission: 1 row." in opening(with_rows(shown))


def test_the_page_opens_with_what_must_be_known_first() -> None:
    report = dataclasses.replace(ordinary(), confined=False, partial_run="--quick")
    output = harmless(told(report)["output"]).text
    assert output.startswith("Graded without a sandbox")
    assert "Partial run (--quick): the total is not a mark." in output
    assert "A5_diffusion_submission(1).py was taken as" in output


def test_staff_alone_read_what_was_printed() -> None:
    assert told(ordinary())["stdout_visibility"] == "hidden"
    report = with_rows(row("a", "p", "t", Status.FAILED, 4, 0.0, stdout="question: tensor(3.14)"))
    assert "3.14" not in dump(results(report))


def test_a_time_that_is_no_number_is_left_out() -> None:
    assert told(ordinary())["execution_time"] == 212.4
    assert "execution_time" not in told(dataclasses.replace(ordinary(), seconds=float("nan")))


def test_a_regrade_finds_what_it_is_compared_with() -> None:
    data = told(ordinary())["extra_data"]
    assert data["items"]["vae.kl_loss"] == {"points": 0, "status": "failed", "bugs": ["kl-sign"], "measured": {}}
    assert data["items"]["vae.accuracy"]["measured"] == {"accuracy": 0.84, "spread": 0.91}
    assert data["items"]["ddpm.curve"]["points"] is None
    assert (data["backend"], data["versions"]["torch"]) == ("bubblewrap", "2.10.0")
    assert data["seed"] == fingerprint(ordinary().seed) and ordinary().seed not in dump(results(ordinary()))


@pytest.mark.parametrize(
    "wanted",
    [
        "The sign of the KL divergence is turned",
        "Known bug: kl-sign",
        "expected tensor(0.5000)",
        "your code gave tensor(-0.5000)",
        "to see it yourself import torch",
        "Handout 2.1.1, equation (1)",
    ],
)
def test_a_failed_row_tells_all_that_helps(wanted: str) -> None:
    assert wanted in harmless(told(ordinary())["tests"][2]["output"]).text


def test_rows_without_a_score_say_why() -> None:
    texts = {test["name"]: harmless(test["output"]).text for test in told(ordinary())["tests"]}
    assert "by its own fault" in texts["Generated images are no copies of training images"]
    assert "A human judges this" in texts["Training curve in the helper notebook"]
    assert "worth no points" in texts["Distance of the generated images from real ones"]
    assert "Assumed: any reduction is accepted" in texts["VAE.get_loss"]


def test_how_the_grader_broke_is_not_told_to_students() -> None:
    assert "secret_judge" not in dump(results(ordinary())) and "Traceback" not in dump(results(ordinary()))


def test_measurements_and_pictures_are_shown() -> None:
    found = harmless(told(ordinary())["tests"][5]["output"])
    assert "accuracy by the judge classifier: 84 % (71 to 92), n=50, the mark was decided" in found.text
    assert len(found.named("img")) == 2
    assert found.named("img")[0]["alt"] == "Generated images, one class in each column"


def test_a_picture_that_is_too_large_leaves_a_line_and_a_later_one_that_fits_is_shown() -> None:
    small = garments(0.0)
    pictures = (Picture("a", small), Picture("b", static(1300)), Picture("c", small))
    html = feedback(row("x", "p", "t", Status.SHOWN, 0, None, evidence=Evidence((), pictures)))
    assert len(html.encode()) <= LIMIT
    assert [image["alt"] for image in harmless(html).named("img")] == ["a", "c"]
    assert "[picture left out, too large to show here: b]" in html


def test_bytes_that_are_no_png_are_not_shown_as_one() -> None:
    picture = Picture("drawn", b"<svg onload=alert(1)>")
    html = feedback(row("x", "p", "t", Status.SHOWN, 0, None, evidence=Evidence((), (picture,))))
    assert "<img" not in html and "drawn" in html


@pytest.mark.parametrize("text", ["&" * 1_000_000, "語" * 1_000_000, "\n" * 1_000_000 + "x"])
def test_endless_text_stays_within_the_limit(text: str) -> None:
    verdicts = (Verdict(0.0, text, text, text, text, text),) * 500
    html = feedback(row("x", "p", "t", Status.FAILED, 4, 0.0, verdicts=verdicts, cite=text, assumed=text))
    assert len(html.encode()) < 200_000
    harmless(html)


def test_a_number_that_json_cannot_hold_is_an_error_and_not_a_broken_file() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump({"score": float("nan")})


def test_a_picture_that_is_too_large_is_made_smaller() -> None:
    picture = Picture("drawn", static(300))
    html = feedback(row("x", "p", "t", Status.SHOWN, 0, None, evidence=Evidence((), (picture,))))
    (image,) = harmless(html).named("img")
    assert len(picture.png) > LIMIT and len(html.encode()) <= LIMIT
    assert (image["src"] or "").startswith("data:image/")


def test_bytes_that_only_begin_like_a_png_are_left_out_where_they_do_not_fit() -> None:
    picture = Picture("drawn", garments(0.0)[:40] + b"\0" * 300_000)
    html = feedback(row("x", "p", "t", Status.SHOWN, 0, None, evidence=Evidence((), (picture,))))
    assert "<img" not in html and "drawn" in html


def test_the_whole_file_stays_within_its_limit_and_pictures_go_first() -> None:
    evidence = Evidence((), (Picture("drawn", static(220)),) * 3)
    verdict = Verdict(0.0, "what is wrong", expected="1", actual="2")
    many = [
        row(f"i{n}", "p", f"t{n}", Status.FAILED, 1, 0.0, verdicts=(verdict,), evidence=evidence) for n in range(60)
    ]
    content = results(with_rows(*many))
    assert len(dump(content).encode()) <= TOTAL
    texts = [harmless(test["output"]).text for test in told(with_rows(*many))["tests"]]
    assert all("what is wrong" in text and "your code gave 2" in text for text in texts)


def test_rows_that_are_still_to_come_say_so_and_blame_nobody() -> None:
    to_come = row("a", "p", "later", Status.UNSCORED, 4, None, verdicts=(Verdict(0.0, NOT_YET),))
    late = row("b", "p", "late", Status.UNSCORED, 4, None, verdicts=(Verdict(0.0, NO_TIME),))
    content = told(with_rows(to_come, late, row("c", "p", "done", Status.PASSED, 4, 4.0)))
    first, second, _ = (harmless(test["output"]).text for test in content["tests"])
    assert first == "Not graded yet." and second.startswith("Not judged: the rows before used up")
    assert "score" not in content["tests"][0] and content["tests"][2]["score"] == 4
    assert "Not graded yet: 1 row." in harmless(content["output"]).text
