"""What tests share: one warm host, and assignments by id."""

from collections.abc import Iterator

import pytest

from grading import assignments
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A host on the best sandbox there is here."""
    with Host(choose(None)) as warm:
        yield warm


def affordable(assignment: assignments.Assignment) -> tuple[str, ...]:
    """Ids of the items that take seconds."""
    return tuple(item.id for item in assignment.rubric.items if not item.slow and not item.manual)


def scored(assignment: assignments.Assignment) -> tuple[str, ...]:
    """Ids of those among them that are worth points."""
    worth = {item.id for item in assignment.rubric.items if item.points}
    return tuple(item for item in affordable(assignment) if item in worth)
