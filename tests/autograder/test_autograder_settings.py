"""autograder.toml: what staff write there is taken, and what they mistype is told."""

from pathlib import Path

import pytest

from grading.autograder.settings import Settings, load, seconds_for, written
from grading.errors import StaffError


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    settings = Settings(assignment="a", seconds=540, only=("x.y", "z"), secret='s "e\\ c\n\x7f\u00e9')
    (tmp_path / "autograder.toml").write_text(written(settings))
    assert load(tmp_path / "autograder.toml", {}) == settings


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "autograder.toml").write_text('assignment = "a"\nseconds = 540\n')
    assert load(tmp_path / "autograder.toml", {"ELBOGRADE_SECONDS": "30.5"}).seconds == 30.5
    assert load(tmp_path / "autograder.toml", {"ELBOGRADE_SECONDS": ""}).seconds == 540


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("assignment = ", "not TOML"),
        ("seconds = 3", "assignment: Field required"),
        ('assignment = "a"\nminutes = 3', "minutes: Extra inputs are not permitted; the keys are assignment, seconds"),
        ('assignment = "a"\nseconds = 0', "seconds: Input should be greater than 0"),
    ],
)
def test_a_mistake_is_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "autograder.toml").write_text(text)
    with pytest.raises(StaffError, match=told):
        load(tmp_path / "autograder.toml", {})


def test_settings_that_are_not_there_are_staffs_to_mend(tmp_path: Path) -> None:
    with pytest.raises(StaffError, match="cannot be read"):
        load(tmp_path / "autograder.toml", {})


@pytest.mark.parametrize(("minutes", "seconds"), [(10, 540), (40, 2340), (5, 270), (1, 54)])
def test_the_platform_is_left_a_minute(minutes: float, seconds: float) -> None:
    assert seconds_for(minutes) == pytest.approx(seconds)
