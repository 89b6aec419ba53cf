"""junit.xml: well-formed whatever the texts are, and with the right sums."""

import dataclasses
from xml.etree import ElementTree

import pytest
from report_hostile import hostile
from report_samples import ordinary, row

from grading.records import Outcome, Report, Status, Verdict
from grading.report.junit import junit
from grading.report.wording import fingerprint


def read(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(junit(report).encode("utf-8"))


def with_rows(*outcomes: Outcome) -> Report:
    return dataclasses.replace(ordinary(), outcomes=outcomes)


def case(outcome: Outcome) -> ElementTree.Element:
    found = read(with_rows(outcome)).find("testsuite/testcase")
    assert found is not None
    return found


@pytest.mark.parametrize("report", [ordinary(), hostile(), with_rows()], ids=["ordinary", "hostile", "empty"])
def test_it_is_well_formed_and_its_counts_are_those_of_its_cases(report: Report) -> None:
    root = read(report)
    assert root.tag == "testsuites"
    for suite in (root, *root.findall("testsuite")):
        assert int(suite.get("tests", "")) == len(list(suite.iter("testcase")))
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(name, "")) == len(list(suite.iter(kind)))
        assert float(suite.get("time", "")) >= 0
    assert len(list(root.iter("testcase"))) == len(report.outcomes)


@pytest.mark.parametrize(
    ("status", "points", "kind"),
    [
        (Status.PASSED, 4.0, None),
        (Status.SHOWN, None, None),
        (Status.PARTIAL, 2.0, "failure"),
        (Status.FAILED, 0.0, "failure"),
        (Status.SKIPPED, 0.0, "skipped"),
        (Status.MANUAL, None, "skipped"),
        (Status.UNSCORED, None, "error"),
    ],
)
def test_every_way_to_end_has_its_element(status: Status, points: float | None, kind: str | None) -> None:
    found = case(row("vae.kl", "p", "t", status, 4, points, seconds=1.5))
    assert [child.tag for child in found if child.tag != "properties"] == ([kind] if kind else [])
    assert (found.get("classname"), found.get("time")) == ("cmput328_a5.vae", "1.500")


def test_a_failure_tells_what_is_wrong_and_the_points_are_properties() -> None:
    verdict = Verdict(0.0, "the sign is turned", "kl-sign", "1", "-1")
    found = case(row("vae.kl", "p", "KL", Status.FAILED, 4, 0.0, verdicts=(verdict,), visibility="hidden", stdout="hi"))
    failure = found.find("failure")
    assert failure is not None and failure.get("message") == "the sign is turned" and failure.get("type") == "kl-sign"
    assert "your code gave:\n-1" in (failure.text or "")
    properties = {each.get("name"): each.get("value") for each in found.findall("properties/property")}
    assert properties == {"points": "0", "max_points": "4", "item": "vae.kl", "visibility": "hidden"}
    assert found.findtext("system-out") == "hi"


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    text = "a\x00b\x0bc\ufffed\uffffe\ud800f]]><x>&\U0001f600"
    found = case(row("vae.kl", "p", text, Status.FAILED, 4, 0.0, verdicts=(Verdict(0.0, text),), stdout=text))
    assert found.findtext("system-out") == "abc\ufffdd\ufffde\ufffdf]]><x>&\U0001f600"


def test_the_seed_is_not_told() -> None:
    assert ordinary().seed not in junit(ordinary()) and fingerprint(ordinary().seed) not in junit(ordinary())
