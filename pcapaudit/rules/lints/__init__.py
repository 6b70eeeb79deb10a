"""Lints: what stands in a ruleset as nobody can have meant it. ``registry`` lists them, ``find_lints`` looks for all."""

from pcapaudit.rules.lints.finder import find_lints
from pcapaudit.rules.lints.registry import LINTS, Lint, LintKind

__all__ = ["LINTS", "Lint", "LintKind", "find_lints"]
