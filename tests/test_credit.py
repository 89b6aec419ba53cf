"""The arithmetic of marks."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from grading.credit import GIFT, GIFT_CUT_SHORT, Gate, Ramp, decided, points, share_with_doubt, wilson
from grading.records import Measurement

UP, DOWN = Ramp(full=0.65, zero=0.55), Ramp(full=100, zero=300)
fixed = settings(derandomize=True, database=None, deadline=None, max_examples=150)
numbers = st.floats(-1e6, 1e6)


def found(value: float, low: float, high: float, cut_short: bool = False) -> Measurement:
    return Measurement("accuracy", "accuracy", value, low, high, 100, cut_short=cut_short)


@st.composite
def ramps(draw: st.DrawFn) -> Ramp:
    full, zero = draw(numbers), draw(numbers)
    assume(abs(full - zero) > 1e-6)
    return Ramp(full, zero)


# ---------------------------------------------------------------- ramps


@pytest.mark.parametrize(
    ("ramp", "value", "share"),
    [
        (UP, 0.65, 1), (UP, 0.55, 0), (UP, 0.60, 0.5), (UP, 0.9, 1), (UP, 0.1, 0),
        (DOWN, 100, 1), (DOWN, 300, 0), (DOWN, 150, 0.75), (DOWN, 0, 1), (DOWN, 1e9, 0),
    ],
)  # fmt: skip
def test_ramp(ramp: Ramp, value: float, share: float) -> None:
    assert ramp.share(value) == pytest.approx(share)


@pytest.mark.parametrize("ramp", [UP, DOWN])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_earns_nothing(ramp: Ramp, value: float) -> None:
    assert ramp.share(value) == 0


@fixed
@given(ramps(), numbers, numbers)
def test_a_better_value_never_earns_less(ramp: Ramp, first: float, second: float) -> None:
    worse, better = sorted((first, second), reverse=ramp.full < ramp.zero)
    assert 0 <= ramp.share(worse) <= ramp.share(better) <= 1


# ---------------------------------------------------------------- intervals


@fixed
@given(st.integers(1, 5000), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(n: int, data: st.DataObject, confidence: float) -> None:
    successes = data.draw(st.integers(0, n))
    theirs = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    ours = wilson(successes, n, stats.norm.ppf((1 + confidence) / 2))
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_wilson_by_default_is_the_95_percent_interval() -> None:
    theirs = stats.binomtest(130, 200).proportion_ci(0.95, method="wilson")
    assert wilson(130, 200) == pytest.approx((theirs.low, theirs.high), abs=1e-5)


def test_wilson_of_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@fixed
@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.66, 0.9, True),
        (0.1, 0.54, True),
        (0.6499, 0.9, True),
        (0.6, 0.9, False),
        (0.5, 0.7, False),
        (0.6, 0.602, False),
    ],
)
def test_decided(low: float, high: float, wanted: bool) -> None:
    assert decided(UP, low, high) is wanted
    assert decided(Ramp(-0.65, -0.55), -high, -low) is wanted


# ---------------------------------------------------------------- doubt


def test_doubt_goes_to_the_student() -> None:
    assert share_with_doubt(UP, found(0.60, 0.597, 0.603)) == pytest.approx(0.53)


def test_the_gift_is_capped() -> None:
    assert share_with_doubt(UP, found(0.60, 0.50, 0.70)) == pytest.approx(0.5 + GIFT) == pytest.approx(0.55)


def test_where_the_graders_time_ended_it_the_gift_is_larger() -> None:
    assert share_with_doubt(UP, found(0.60, 0.50, 0.70, True)) == pytest.approx(0.5 + GIFT_CUT_SHORT)
    assert pytest.approx(0.25) == GIFT_CUT_SHORT
    assert share_with_doubt(UP, found(0.60, 0.595, 0.605, True)) == pytest.approx(0.55), "never above the interval"


def test_where_lower_is_better_the_lower_end_counts() -> None:
    assert share_with_doubt(DOWN, found(200, 196, 290)) == pytest.approx(0.52)


def test_no_gift_for_what_is_no_number() -> None:
    assert share_with_doubt(UP, found(math.nan, math.nan, math.nan)) == 0


@fixed
@given(ramps(), st.tuples(numbers, numbers, numbers), st.booleans())
def test_doubt_never_takes_and_never_gives_too_much(
    ramp: Ramp, three: tuple[float, float, float], cut_short: bool
) -> None:
    low, value, high = sorted(three)
    share = share_with_doubt(ramp, found(value, low, high, cut_short))
    assert 0 <= share <= 1
    assert ramp.share(value) <= share <= ramp.share(value) + (GIFT_CUT_SHORT if cut_short else GIFT) + 1e-12


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize(
    ("gate", "low", "high", "wanted"),
    [
        (Gate("spread", 0.15, None, ""), 0.1, 0.15, True), (Gate("spread", 0.15, None, ""), 0.1, 0.14, False),
        (Gate("copies", None, 0.2, ""), 0.2, 0.9, True), (Gate("copies", None, 0.2, ""), 0.21, 0.9, False),
    ],
)  # fmt: skip
def test_a_gate_looks_at_the_favourable_end(gate: Gate, low: float, high: float, wanted: bool) -> None:
    assert gate.open(found((low + high) / 2, low, high)) is wanted


@pytest.mark.parametrize("gate", [Gate("spread", 0.15, None, ""), Gate("copies", None, 0.2, "")])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_gate_is_shut_for_what_is_no_number(gate: Gate, value: float) -> None:
    assert not gate.open(found(value, value, value))


# ---------------------------------------------------------------- points


@pytest.mark.parametrize(("share", "maximum", "wanted"), [(1 / 3, 10, 3.33), (2 / 3, 1, 0.67), (1, 16, 16), (0, 16, 0)])
def test_points_have_two_decimals(share: float, maximum: float, wanted: float) -> None:
    assert points(share, maximum) == wanted


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan, math.inf])
def test_a_share_outside_zero_and_one_is_a_mistake_of_ours(share: float) -> None:
    with pytest.raises(ValueError, match="not in"):
        points(share, 10)


@fixed
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 200))
def test_more_share_is_never_fewer_points(first: float, second: float, maximum: float) -> None:
    less, more = sorted((first, second))
    assert 0 <= points(less, maximum) <= points(more, maximum) <= maximum + 0.005
