"""Lists of recent addresses; what rules see of them is tested in ``iptables/test_stateful``."""

from __future__ import annotations

from rules_bench import BATCH

from pcapaudit.core import consts
from pcapaudit.rules import compile_ruleset, parse_ruleset
from pcapaudit.rules.ops import UNKNOWN, YES
from pcapaudit.rules.recent import RecentLists

TEXT = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m recent --set --name a --hitcount 40 -j DROP\nCOMMIT\n".replace(" --hitcount 40", "")


def test_ring_grows_with_the_hits_that_rules_ask_for():
    """The next power of two, 32 at least."""
    more = TEXT.replace("COMMIT", "-A INPUT -m recent --rcheck --seconds 5 --hitcount 40 --name a -j DROP\nCOMMIT")
    assert compile_ruleset(parse_ruleset(TEXT)).recent_rings == [32]
    assert compile_ruleset(parse_ruleset(more)).recent_rings == [64]


def test_list_that_other_worlds_write_to_is_unknown():
    """From then on."""
    if not hasattr(RecentLists, "match"):
        return  # compiled: rules are the only way to it
    lists = RecentLists(compile_ruleset(parse_ruleset(TEXT)), BATCH)
    BATCH.arrays["path"][0] = consts.PATH_INPUT
    assert lists.match(0, 10**18, 0, True) == YES
    assert lists.match(0, 10**18, 0, False) == UNKNOWN
    assert lists.match(0, 10**18, 0, True) == UNKNOWN
