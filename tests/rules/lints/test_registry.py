"""The kinds of lints: each complete, and each with an example that has it and no other."""

from __future__ import annotations

import re

import pytest

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints import LINTS, find_lints


def ruleset_of(example):
    """A ruleset around the lines of an example; ``…`` stands for what is left out."""
    if example.startswith("table"):
        return parse_ruleset(example + "\n", "x.nft")
    rules = []
    for line in example.splitlines():
        more = re.fullmatch(r"… (\d+) more …", line)
        rules += [f"tcp dport {1000 + n} drop" for n in range(int(more[1]))] if more else [] if line.startswith("…") else [line]
    policy = "drop" if "policy drop" in example else "accept"
    body = "\n".join(rules)
    return parse_ruleset(f"table inet t {{\nchain c {{\ntype filter hook input priority 0; policy {policy};\n{body}\n}}\n}}\n", "x.nft")


@pytest.mark.parametrize("code", LINTS)
def test_example_has_its_lint(code):
    """And no other."""
    assert {each.code for each in find_lints(ruleset_of(LINTS[code].example))} == {code}


@pytest.mark.parametrize("kind", LINTS.values(), ids=list(LINTS))
def test_kind_is_whole(kind):
    """Every text is there; sentences where a page shows them."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", kind.code)
    assert kind.severity in ("high", "medium", "low")
    assert kind.title.endswith(".") and kind.why.endswith(".")
    assert kind.advice and not kind.advice.endswith(".") and kind.source
    assert list(LINTS) == sorted(LINTS)
