"""Rules: reads rulesets into a model, compiles the model to flat arrays, and evaluates packets on them."""

from pcapaudit.rules.compile import compile_ruleset
from pcapaudit.rules.load import load_ruleset, parse_ruleset

__all__ = ["compile_ruleset", "load_ruleset", "parse_ruleset"]
