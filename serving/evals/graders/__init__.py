"""Graders: each says whether an answer passes, and why."""

from serving.evals.graders.table import GRADERS, check_grader, grade_answer
from serving.evals.graders.types import Grade, Services

__all__ = ["GRADERS", "Grade", "Services", "check_grader", "grade_answer"]
