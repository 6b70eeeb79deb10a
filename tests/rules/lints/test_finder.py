"""All lints, in the order of lines."""

from __future__ import annotations

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.lints import find_lints


def test_lints_stand_in_the_order_of_lines():
    """Those of a chain stand where it begins."""
    text = """table ip t {
    chain c {
        type filter hook input priority 0; policy drop;
        ct state established accept
        tcp dport 22 accept
        tcp dport 22 accept
        drop
        log
    }
}
"""
    found = [(each.place.line, each.code) for each in find_lints(parse_ruleset(text, "x.nft"))]
    assert found == [
        (2, "ipv6-unfiltered"),
        (2, "related-never-accepted"),
        (6, "duplicate-rule"),
        (8, "unreachable-rule"),
    ]
