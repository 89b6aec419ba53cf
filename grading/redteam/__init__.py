"""The red team: hostile submissions, handed in to the grader as it stands, and whether each came to nothing."""

from grading.redteam.attack import Attack, Suite, Target, named, suite
from grading.redteam.table import closing, table
from grading.redteam.trial import SEED, Finding, tried
from grading.redteam.watching import watched

__all__ = ["SEED", "Attack", "Finding", "Suite", "Target", "closing", "named", "suite", "table", "tried", "watched"]
