"""Whether grading works here: the stub, which has nothing in it, is asked one question."""

import platform
from collections.abc import Callable

import torch

from grading import assignments
from grading.autograder import container
from grading.autograder.settings import Settings
from grading.errors import StaffError
from grading.grade import Options, grade
from grading.records import Status
from grading.sandbox.host import Host
from grading.sandbox.ladder import choose


def smoke(settings: Settings, say: Callable[[str], None]) -> None:
    """Tells what there is here. Raises StaffError where the stub does not fail as it should."""
    memory, share = container.memory_bytes(), container.processors()
    backend = container.Threaded(choose(settings.sandbox or None), container.threads(share))
    say(f"Python {platform.python_version()}, torch {torch.__version__}")
    say(f"{memory / 1e9:.3g} GB of memory, processors: {share:g}")
    say(f"sandbox: {backend.name} ({', '.join(backend.promises)})")
    assignment = assignments.load(settings.assignment)
    items = [item for item in assignment.rubric.items if item.check]
    asked = next((item for item in items if not settings.only or item.id in settings.only), items[0])
    options = Options(only=(asked.id,), limits=container.limits(memory))
    with Host(backend) as host:
        outcome = grade(assignment, assignment.stub, host, options).outcomes[0]
    told = " ".join(verdict.message for verdict in outcome.verdicts)
    if outcome.status is not Status.FAILED or not any(verdict.bug == "not-done" for verdict in outcome.verdicts):
        raise StaffError(f"the stub should fail {asked.id} as not done, and it {outcome.status}: {told}")
    say(f"the stub of {assignment.id}, asked for {asked.id}: {told}, as it should be")
