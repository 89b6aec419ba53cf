"""What a notebook claims is read, whatever it is made of, and nothing that is wrong with it goes further than a sentence."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from grading.errors import IntakeError, RubricError
from grading.intake import limits, notebooks
from grading.intake.notebooks import Claim, claims

LOSS = {"training loss": r"Train Epoch: (?P<step>\d+)\s+Loss: (?P<value>\S+)"}
CHECKS = {"mean": r"(?i)mean error\D*(?P<value>[-\d.e]+)", "loss": r"(?i)loss error\D*(?P<value>[-\d.e]+)"}
MARKDOWN = {"cell_type": "markdown", "metadata": {}, "source": "# Part A"}


def printed(*lines: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": [f"{line}\n" for line in lines]}


def result(text: object) -> dict[str, Any]:
    return {"output_type": "execute_result", "metadata": {}, "execution_count": 1, "data": {"text/plain": text}}


def code(*outputs: Any, source: str = "run()") -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "execution_count": 1, "outputs": list(outputs)}


def epochs(*losses: float, first: int = 0) -> dict[str, Any]:
    return printed(*(f"Train Epoch: {first + index} \tLoss: {loss:.6f}" for index, loss in enumerate(losses)))


def written(folder: Path, *cells: Any, **changed: Any) -> Path:
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | changed
    return raw(folder, json.dumps(content).encode())


def raw(folder: Path, content: bytes) -> Path:
    path = folder / "hw.ipynb"
    path.write_bytes(content)
    return path


def values(path: Path, patterns: dict[str, str] = LOSS) -> list[float | None]:
    return [claim.value for claim in claims(path, patterns)]


def refusal(path: Path) -> str:
    with pytest.raises(IntakeError) as caught:
        claims(path, LOSS)
    sentence = str(caught.value)
    assert sentence.startswith("hw.ipynb ") and sentence.endswith(".") and len(sentence) < 400
    return sentence


# ---------------------------------------------------------------- what is found


def test_every_run_has_its_last_loss(tmp_path: Path) -> None:
    path = written(tmp_path, MARKDOWN, code(epochs(150, 120, 109.532417)), code(epochs(148, 110.9)))
    assert claims(path, LOSS) == (
        Claim("training loss", 109.532417, 2, 2, "Train Epoch: 2 Loss: 109.532417"),
        Claim("training loss", 110.9, 1, 3, "Train Epoch: 1 Loss: 110.900000"),
    )


def test_a_run_ends_where_the_epochs_begin_again_or_another_cell_begins(tmp_path: Path) -> None:
    assert values(written(tmp_path, code(epochs(150, 110), epochs(140, 108)))) == [110, 108]
    assert values(written(tmp_path, code(epochs(150, 110)), code(epochs(105, 104, first=2)))) == [110, 104]


def test_without_steps_the_last_number_counts(tmp_path: Path) -> None:
    path = written(tmp_path, code(printed("Mean Error 0.5")), code(printed("mean error: 4.2e-05", "Loss error 1e-6")))
    assert values(path, CHECKS) == [4.2e-05, 1e-6]
    assert claims(path, CHECKS)[0].cell == 2


def test_results_and_standard_error_are_looked_at_too(tmp_path: Path) -> None:
    path = written(tmp_path, code(result("'Mean error 0.25'"), printed("Loss error 0.5", name="stderr")))
    assert values(path, CHECKS) == [0.25, 0.5]


def test_a_line_may_come_in_pieces(tmp_path: Path) -> None:
    pieces = [
        {"output_type": "stream", "name": "stdout", "text": text} for text in ("Train Epoch: 9 \tLo", "ss: 109.5\n")
    ]
    assert values(written(tmp_path, code(pieces[0], printed("10%", name="stderr"), pieces[1]))) == [109.5]


def test_progress_bars_are_lines_of_their_own(tmp_path: Path) -> None:
    bar = "\r".join(f"Train Epoch: {step} \tLoss: {100 - step}.0" for step in range(5))
    assert values(written(tmp_path, code({"output_type": "stream", "name": "stdout", "text": bar}))) == [96]


def test_nothing_that_fits_is_no_claim(tmp_path: Path) -> None:
    assert claims(written(tmp_path, code(printed("done"))), LOSS) == ()


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "9" * 400, "tensor(3.)", "1.2.3"])
def test_what_is_no_finite_number_is_claimed_as_none(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, code(printed(f"Train Epoch: 0 \tLoss: {text}")))
    [claim] = claims(path, LOSS)
    assert claim.value is None and len(claim.line) <= 100 and text[:20] in claim.line


def test_a_step_without_end_is_no_step(tmp_path: Path) -> None:
    [claim] = claims(written(tmp_path, code(printed(f"Train Epoch: {'9' * 300} \tLoss: 1.5"))), LOSS)
    assert (claim.value, claim.step) == (1.5, None)


def test_lines_are_made_fit_to_print(tmp_path: Path) -> None:
    path = written(tmp_path, code(printed("\x1b[31mTrain Epoch: 0 \tLoss: 1.0 \ud800 <b>")))
    assert claims(path, LOSS)[0].line == "\\x1b[31mTrain Epoch: 0 Loss: 1.0 \\ud800 <b>".replace("ud800", "xd800")


# ---------------------------------------------------------------- what is no notebook


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty (0 bytes)"),
        (b"{", "is damaged or not a notebook: Expecting property name"),
        (b'{"nbformat": 4, "cells": [', "is damaged or not a notebook"),
        (b"print('hello')", "is damaged or not a notebook"),
        (b"%PDF-1.7", "is damaged or not a notebook"),
        (b"PK\x03\x04\xff\xfe", "is damaged or not a notebook"),
        ('{"nbformat": 4, "cells": {}}'.encode("utf-16"), "is JSON, but not a notebook"),
        (b'{"nbformat": 4, "cells": "\xe9"}', "is JSON, but not a notebook"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (b"9" * 5000, "is damaged or not a notebook"),
        (b"[]", "is JSON, but not a notebook"),
        (b"null", "is JSON, but not a notebook"),
        (b'{"nbformat": 4}', "is JSON, but not a notebook"),
        (b'{"nbformat": 4, "cells": {}}', "is JSON, but not a notebook"),
        (b'{"cells": []}', "is JSON, but not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "is a notebook of format 3, which is not used any more"),
        (b'{"nbformat": 4, "cells": []}', "was handed in without outputs"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_a_sentence_says_what_is_wrong(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in refusal(raw(tmp_path, content))


def test_without_outputs_a_notebook_claims_nothing(tmp_path: Path) -> None:
    assert "Run all its cells" in refusal(written(tmp_path, MARKDOWN, code(), code()))


def test_a_byte_order_mark_and_odd_numbers_do_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, code(epochs(109.5)), extra=[float("nan"), float("inf")])
    text = path.read_text().replace('"execution_count": 1', '"execution_count": 1e999')
    assert values(raw(tmp_path, b"\xef\xbb\xbf" + text.encode())) == [109.5]


@pytest.mark.parametrize(
    "odd",
    [
        3,
        None,
        "code",
        {},
        {"cell_type": "code"},
        {"cell_type": ["code"], "outputs": [epochs(1)]},
        {"cell_type": "code", "outputs": {"text": "Train Epoch: 0 Loss: 1"}},
        code(None, 3, "text", [], {}),
        code(
            {"output_type": "stream"},
            {"output_type": "stream", "text": 3},
            {"output_type": "stream", "text": [1, None]},
        ),
        code({"output_type": ["stream"], "name": {}, "data": {"text/plain": {"a": 1}}}),
        code({"output_type": "error", "ename": 1, "traceback": 2}, {"data": []}),
    ],
    ids=str,
)
def test_cells_and_outputs_of_odd_types_are_passed_over(tmp_path: Path, odd: object) -> None:
    assert values(written(tmp_path, odd, {"cell_type": "code", "outputs": [epochs(109.5)]})) == [109.5]


@pytest.mark.parametrize("pattern", ["(", r"Loss: (\S+)", r"(?P<step>\d+)"])
def test_a_pattern_that_finds_no_value_is_the_staffs_mistake(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(RubricError, match="training loss"):
        claims(written(tmp_path, code(epochs(1))), {"training loss": pattern})


# ---------------------------------------------------------------- how much


def quickly(path: Path, patterns: dict[str, str] = LOSS) -> list[float | None]:
    started = time.process_time()
    found = values(path, patterns)
    assert time.process_time() - started < 10
    return found


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def test_of_much_output_the_end_is_read(tmp_path: Path) -> None:
    flood = stream("noise " * 10_000_000)
    assert quickly(written(tmp_path, code(flood, printed(""), epochs(150, 109.5)))) == [109.5]


def test_many_short_lines_are_read_in_time_and_make_few_claims(tmp_path: Path) -> None:
    cell = code(stream("Train Epoch: 5 Loss: 7\n" * 40_000))
    assert quickly(written(tmp_path, *[cell] * 40)) == [7] * notebooks.RUNS
    assert quickly(written(tmp_path, *[code(stream("a\n" * 100_000))] * 20), LOSS | CHECKS) == []


def test_progress_bars_do_not_push_out_what_was_printed(tmp_path: Path) -> None:
    bars = {"output_type": "stream", "name": "stderr", "text": "\r 10%|███       | 47/469" * 100_000}
    assert quickly(written(tmp_path, code(epochs(150, 109.5), bars))) == [109.5]


def test_one_long_line_is_read_from_its_beginning(tmp_path: Path) -> None:
    quadratic = {"slow": r"\w*x(?P<value>\d)"}
    assert quickly(written(tmp_path, code(stream("ax7" + "a" * 100_000))), quadratic) == [7]
    assert quickly(written(tmp_path, code(stream("a" * 100_000 + "x7"))), quadratic) == []


def test_a_file_of_too_many_parts_is_not_parsed(tmp_path: Path) -> None:
    assert "too large to be read" in refusal(raw(tmp_path, b"[" + b"[]," * notebooks.PARTS + b"0]"))


def test_a_file_of_too_many_bytes_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LARGEST, "notebook", 500)
    assert "too large to be read" in refusal(written(tmp_path, code(epochs(*range(100)))))
