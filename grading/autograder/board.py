"""results.json, whole at every moment: hung up before the first row is judged, and anew after every one."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grading.autograder.metadata import Metadata
from grading.records import Report, Status
from grading.report import gradescope
from grading.report.regrade import changed
from grading.report.wording import rows, still_to_come
from grading.report.write import write_whole


class Board:
    """Where the results hang. Once it is closed they stay as they are, whoever else would still write."""

    def __init__(self, file: Path, metadata: Metadata, first: Report) -> None:
        self._file, self._metadata, self._report = file, metadata, first
        self._lock, self._closed = threading.RLock(), False
        self._staff: list[str] = []
        self.show(first)

    def show(self, report: Report) -> None:
        """Hangs up what is known now."""
        with self._lock:
            if not self._closed:
                self._report = report
                write_whole(self._file, gradescope.dump(self._content(report)))

    def note(self, text: str) -> None:
        """Something for staff alone; it goes up with the next report."""
        self._staff.append(text)

    def close(self, why: str) -> Report:
        """Hangs up the last report with the reason why there will be no more."""
        with self._lock:
            self.show(replace(self._report, notices=(why, *self._report.notices)))
            self._closed = True
            return self._report

    def so_far(self) -> str:
        """Such as "3 of 15 rows"; rows that are left to a human do not count."""
        judged = [outcome for outcome in self._report.outcomes if outcome.status is not Status.MANUAL]
        done = sum(not still_to_come(outcome) for outcome in judged)
        return f"{done} of {rows(len(judged))}"

    def _content(self, report: Report) -> dict[str, object]:
        content = gradescope.results(report)
        record = content["extra_data"]
        assert isinstance(record, Mapping)
        content["extra_data"] = {
            **record,
            "submission": self._metadata.submission,
            "submitted": self._metadata.created_at,
            "staff": list(self._staff),
            "changed": changed(self._metadata.before, record),
        }
        return content
