"""Whose fault it is.

GradingError
├── SubmissionError            the student's: becomes a failed item, with what to do about it
│   ├── IntakeError            what was handed in cannot be taken as it is
│   ├── WeightsError           a weights file is refused or unreadable
│   │   └── WholeModel         it holds a pickled model rather than its weights
│   └── AnswerError            the code was asked and did not answer as it should
│       ├── NotDone            it raised NotImplementedError: still to do
│       ├── Lacking            it needs what was left out, or is not installed, here: nobody's fault, so a human's to judge
│       ├── Crashed            it raised another exception
│       │   └── Unusable       what it answered is of no use to what asks it: no part of it was running any more
│       ├── Ended              its process ended before it answered
│       ├── TimedOut           no whole answer before the deadline
│       ├── Exhausted          it asked for more memory than it may have
│       ├── BadAnswer          what came back is not an answer: malformed, too large, not finite, the wrong shape
│       └── Unrepeatable       the same seeds led to another answer, so that no mark could be given twice
├── StaffError                 the course's: a rubric or a command that cannot be followed
│   ├── RubricError            the rubric does not parse, or names something that does not exist
│   ├── AssignmentUnknown      no assignment, or more than one, fits
│   └── DataMissing            a full data set is needed and not there
├── NotMeasured                nobody's: staff or the machine did not let a row be measured; a human's to judge
└── GraderError                ours: never costs a student a mark
    ├── AssetError             an embedded asset is missing or does not match its SHA-256
    └── SandboxError           the sandbox cannot be started, or broke
"""


class GradingError(Exception):
    """Anything this package raises on purpose."""


class SubmissionError(GradingError):
    """The student's to mend."""


class IntakeError(SubmissionError):
    """What was handed in cannot be taken as it is."""


class WeightsError(SubmissionError):
    """A weights file is refused or unreadable."""


class WholeModel(WeightsError):
    """A weights file holds a pickled model rather than its weights."""


class AnswerError(SubmissionError):
    """The code was asked and did not answer as it should."""


class NotDone(AnswerError):
    """The code says that it is still to do."""


class Crashed(AnswerError):
    """The code raised an exception."""


class Unusable(Crashed):
    """What the code answered is of no use to the probe that asked: its own lines were not running any more.

    returned: what a function of the submission returned last, in words; "" where none had returned anything
    """

    def __init__(self, said: str, returned: str = "") -> None:
        super().__init__(said)
        self.said, self.returned = said, returned


class Lacking(AnswerError):
    """The code needs what was left out of it here, or is not installed here; nobody's fault."""


class Ended(AnswerError):
    """The code's process ended before it answered."""


class TimedOut(AnswerError):
    """No whole answer came before the deadline."""


class Exhausted(AnswerError):
    """The code asked for more memory than it may have."""


class BadAnswer(AnswerError):
    """What came back is not an answer to the question."""


class Unrepeatable(AnswerError):
    """The same seeds led to another answer."""


class StaffError(GradingError):
    """Course staff's to mend."""


class RubricError(StaffError):
    """The rubric does not parse, or names something that does not exist."""


class AssignmentUnknown(StaffError):
    """No assignment fits the submission, or more than one does."""


class DataMissing(StaffError):
    """A full data set is needed and not there."""


class NotMeasured(GradingError):
    """A row was not measured, which is nobody's fault: the sentence says what would let it be."""


class GraderError(GradingError):
    """Ours to mend: never costs a student a mark."""


class AssetError(GraderError):
    """An embedded asset is missing or does not match its SHA-256."""


class SandboxError(GraderError):
    """The sandbox cannot be started, or broke."""
