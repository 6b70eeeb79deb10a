"""Frames of jumps, through rulesets: worlds that leave a chain early, or wait at the jump."""

from __future__ import annotations

import pytest
from reference_rules import Packet
from rules_bench import Bench

TEXT = """table inet t {{
    chain c {{ type filter hook forward priority 0; policy {policy};
        {rules}
    }}
    chain one {{
        {one}
    }}
    chain two {{
        {two}
    }}
}}"""


@pytest.mark.parametrize(
    ("rules", "one", "two", "found"),
    [
        ("jump one\naccept", "return\ndrop", "", ("accept", True)),
        ("jump one\naccept", "jump two\ndrop", "return", ("drop", True)),
        ("jump one\naccept", "goto two\ndrop", "return", ("accept", True)),
        ("jump one\naccept", "meta skuid 0 return\ndrop", "", ("drop", False)),
        ("jump one\naccept", "meta skuid 0 return", "", ("accept", True)),
        ("meta skuid 0 jump one\naccept", "drop", "", ("accept", False)),
        ("meta skuid 0 jump one\naccept", "jump two", "accept", ("accept", True)),
        ("jump one", "meta skuid 0 goto two\naccept", "drop", ("accept", False)),
    ],
)
def test_worlds_and_jumps(rules, one, two, found):
    """The verdict of the main world, and whether every other world has it, too."""
    assert Bench(TEXT.format(policy="drop", rules=rules, one=one, two=two)).judge(Packet()) == found
