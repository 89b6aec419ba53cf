"""Text as people have it: every encoding that a student's editor may have saved it in."""

import codecs
from pathlib import Path

import pytest
from intake_archives import folder_of
from test_intake_taking import notebook

from grading.intake import take_in
from grading.intake.cells import text_of_script
from grading.intake.notebooks import claims, code_cells_in
from grading.intake.texts import as_module, read_text
from grading.records import ExpectedFile

CODE = "# café, β = ‘quoted’\nname = 'é'\n\n\ndef f(x):\n    return 2 * x\n"
LATIN = CODE.replace("β", "b").replace("‘", "'").replace("’", "'")
WRITTEN = {
    "UTF-8": CODE.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + CODE.encode(),
    "UTF-16": CODE.encode("utf-16"),
    "UTF-16, the other way round": codecs.BOM_UTF16_BE + CODE.encode("utf-16-be"),
    "UTF-16 without a mark": CODE.encode("utf-16-le"),
    "UTF-16 without a mark, the other way round": CODE.encode("utf-16-be"),
    "UTF-32": CODE.encode("utf-32"),
    "Windows-1252": CODE.replace("β", "b").encode("cp1252"),
    "Latin-1": LATIN.encode("latin-1") + b"# \x81\n",
    "Latin-1, declared": b"# -*- coding: latin-1 -*-\n" + LATIN.encode("latin-1"),
    "declared wrongly": b"# -*- coding: latin-1 -*-\n" + CODE.encode(),
    "declared too narrowly": b"# -*- coding: ascii -*-\n" + CODE.encode(),
    "declared as what does not exist": b"#!/usr/bin/python\n# vim: set fileencoding=utf8mb4 :\n" + CODE.encode(),
    "declared as what is no text": b"# coding: hex\n" + CODE.encode(),
    "lines as on Windows": CODE.replace("\n", "\r\n").encode(),
    "lines as on old Macs": CODE.replace("\n", "\r").encode(),
    "with a form feed": b"\f\n" + CODE.encode(),
    "with tabs": CODE.replace("    ", "\t").encode(),
    "with NUL characters": CODE.encode() + b"\0\0\0",
}
TOLD = {
    "UTF-16": "was written in UTF-16",
    "UTF-16 without a mark": "was written in UTF-16",
    "Windows-1252": "was written in Windows-1252",
    "declared as what does not exist": "declares an encoding that does not exist (utf8mb4)",
    "with NUL characters": "held NUL characters",
    "UTF-8": "",
    "UTF-8 with a mark": "",
    "Latin-1, declared": "",
    "lines as on Windows": "",
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("kind", ["code", "script", "starter"])
def test_code_reaches_the_box_as_what_python_imports(tmp_path: Path, how: str, kind: str) -> None:
    work = folder_of(tmp_path / "work", {"vae.py": WRITTEN[how]})
    intake = take_in(work, [ExpectedFile("vae.py", kind)], tmp_path / "taken")
    content = (tmp_path / "taken" / "vae.py").read_bytes()
    names: dict[str, object] = {}
    exec(compile(content, "vae.py", "exec"), names)
    assert names["name"] == "é" and names["f"](3) == 6  # type: ignore[operator]
    compile((tmp_path / "taken" / "vae.py").read_text(encoding="utf-8"), "vae.py", "exec")  # as a probe reads it
    told = [notice for notice in intake.notices if "vae.py" in notice]
    if TOLD.get(how) and kind != "script":
        assert len(told) == 1 and TOLD[how] in told[0]
    elif how in TOLD and kind != "script":
        assert told == []


@pytest.mark.parametrize("how", WRITTEN)
def test_a_script_is_read_as_it_is_meant(how: str) -> None:
    assert "def f(x):\n" in text_of_script(WRITTEN[how]) and "'é'" in text_of_script(WRITTEN[how])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_notebooks_too(tmp_path: Path, encoding: str) -> None:
    content = notebook("name = 'é'").decode().replace("\\u00e9", "é").encode(encoding)
    assert "name = 'é'" in code_cells_in(content, "A.ipynb")
    output = '"outputs": [{"output_type": "stream", "name": "stdout", "text": "é loss 3"}]'
    (tmp_path / "A.ipynb").write_bytes(content.decode(encoding).replace('"outputs": []', output).encode(encoding))
    assert claims(tmp_path / "A.ipynb", {"loss": r"é loss (?P<value>\d)"})[0].value == 3


def test_what_will_do_is_left_as_it_is() -> None:
    for content in (b"x = 1\r\n", b"# coding: utf-8\nx = 1", b"", "x = 'é'".encode()):
        assert as_module(content) == (content, "")


@pytest.mark.parametrize(
    "content", [b"\xff", b"\xff\xfe\x00", bytes(range(256)), b"\x00" * 9, b"# coding: undefined\n\xff"]
)
def test_nothing_fails(content: bytes) -> None:
    as_module(content)[0].decode("utf-8")
    assert "\0" not in read_text(content).text
