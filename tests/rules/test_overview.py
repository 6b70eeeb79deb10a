"""Base chains in the kernel's order."""

from __future__ import annotations

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.overview import overview

TEXT = """table ip a {
chain one { type filter hook input priority 0; policy drop; accept; }
chain two { type filter hook input priority 0; }
chain raw { type filter hook prerouting priority raw; }
chain nat { type nat hook prerouting priority -200; }
chain early { type filter hook prerouting priority -150; }
chain none { accept; }
}
table netdev d { flags dormant; chain i { type filter hook ingress device "lo" priority 0; } }
"""


def test_order():
    """Hooks as packets meet them; by priority, nat where NAT stands, the last made first among equals."""
    assert list(overview(parse_ruleset(TEXT, "x"))) == [
        "ingress",
        "      0  filter  netdev d i: 0 rules, policy accept, device lo, dormant  (x:9)",
        "prerouting",
        "   -300  filter  ip a raw: 0 rules, policy accept  (x:4)",
        "   -150  filter  ip a early: 0 rules, policy accept  (x:6)",
        "   -200  nat     ip a nat: 0 rules, policy accept  (x:5)",
        "input",
        "      0  filter  ip a two: 0 rules, policy accept  (x:3)",
        "      0  filter  ip a one: 1 rule, policy drop  (x:2)",
    ]
