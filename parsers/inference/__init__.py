"""What an access chain evaluates to, as far as the visible code says. None means unknown: nothing may be concluded from it."""

from parsers.inference.base import Environment, Lookup, LookupStatus, Project, Values, union_of
from parsers.inference.chains import Inference

__all__ = ["Environment", "Inference", "Lookup", "LookupStatus", "Project", "Values", "union_of"]
