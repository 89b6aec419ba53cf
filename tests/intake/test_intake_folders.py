"""Expected files that lie in a folder of their own."""

from pathlib import Path

from grading.intake import match, take_in
from grading.records import ExpectedFile

CODE = ExpectedFile("model.py", "code")
DDPM = ExpectedFile("ddpm_utils/unet.py", "starter", required=False)
CFG = ExpectedFile("cfg_utils/unet.py", "starter", required=False)
EXPECTED = (CODE, DDPM, CFG)


def found(*names: str) -> dict[str, str]:
    return {each.name: each.path for each in match(names, EXPECTED).found}


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    names = ("a3/model.py", "a3/ddpm_utils/unet.py", "a3/cfg_utils/unet.py")
    assert found(*names) == dict(zip(("model.py", "ddpm_utils/unet.py", "cfg_utils/unet.py"), names, strict=True))


def test_a_file_outside_its_folder_is_another_file() -> None:
    assert found("model.py", "unet.py", "other/unet.py", "my_ddpm_utils/unet.py") == {"model.py": "model.py"}


def test_the_case_of_a_folder_is_forgiven() -> None:
    assert found("DDPM_utils/unet.py") == {"ddpm_utils/unet.py": "DDPM_utils/unet.py"}


def test_they_are_taken_into_their_folders_and_not_missed_where_they_are_not(tmp_path: Path) -> None:
    source = tmp_path / "handed in"
    (source / "ddpm_utils").mkdir(parents=True)
    (source / "model.py").write_text("x = 1\n")
    (source / "ddpm_utils" / "unet.py").write_text("y = 2\n")
    taken = take_in(source, EXPECTED, tmp_path / "into")
    assert {file.name for file in taken.files} == {"model.py", "ddpm_utils/unet.py"}
    assert (tmp_path / "into" / "ddpm_utils" / "unet.py").read_text() == "y = 2\n"
    assert taken.missing == ()
    assert taken.notices == ()
