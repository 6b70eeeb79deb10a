"""What is unknown about one packet is unknown about those that follow from it: decided packets never change, whatever the unknown is.

Each rule of a random ruleset may ask for a local user, which no capture holds. Every way to answer these questions is tried in their
place: a packet that was decided has the same verdict in all of them.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenes import replay, tcp, udp

UNKNOWN = "meta skuid {} "
#: A match that always holds, and one that never does: packets that go through have no mark.
ANSWERS = ("meta mark 0 ", "meta mark 99 ")
MATCHES = ("", "ct state established ", "ct state new ", "udp dport 53 ", "tcp dport 80 ", "ct direction reply ", "ip saddr 10.0.0.1 ")
VERDICTS = ("accept", "drop", "reject", "ct mark set 5 accept", "jump more", "return")
ENDS = ("10.0.0.1:4000", "10.0.0.1:4000", "10.0.0.2:4000", "192.0.2.1:53", "192.0.2.1:80")

RULES = st.lists(st.tuples(st.booleans(), st.sampled_from(MATCHES), st.sampled_from(VERDICTS)), min_size=1, max_size=4)
PACKETS = st.lists(
    st.tuples(
        st.sampled_from(("udp", "udp", "udp", "S", "S.", ".", "R")), st.sampled_from(ENDS[:3]), st.sampled_from(ENDS[3:]), st.booleans()
    ),
    min_size=2,
    max_size=10,
)


def text(rules, policy, answers):
    """The ruleset, with what stands for the unknown matches in their order."""
    answers = iter(answers)
    lines = [(next(answers) if unknown else "") + match + verdict for unknown, match, verdict in rules]
    more = "chain more {\n ct mark 5 drop\n ct state established accept\n}\n"
    return f"table inet t {{\n{more}chain c {{\ntype filter hook forward priority 0; policy {policy};\n" + "\n".join(lines) + "\n}\n}\n"


def made(packets):
    """The packets, a tenth of a second apart."""
    for at, (kind, one, other, turned) in enumerate(packets):
        ends = (other, one) if turned else (one, other)
        yield at / 10, udp(*ends) if kind == "udp" else tcp(*ends, kind, 100 + at, 100)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(RULES, st.sampled_from(("accept", "drop")), PACKETS)
def test_decided_packets_never_change(rules, policy, packets):
    """In no assignment of the unknown."""
    count = sum(unknown for unknown, _, _ in rules)
    rows = replay(made(packets), text(rules, policy, (UNKNOWN.format(user) for user in range(count)))).rows
    for answers in itertools.product(ANSWERS, repeat=count):
        others = replay(made(packets), text(rules, policy, answers)).rows
        for row, other in zip(rows, others, strict=True):
            assert not row.decided or row.said == other.said
    if not count:
        assert all(row.decided for row in rows)


@pytest.mark.parametrize(
    ("first", "policy", "said"),
    [("meta skuid 0 accept", "drop", [("drop", 0), ("drop", 0), ("drop", 1)]), ("meta skuid 0 drop", "accept", [("accept", 0)] * 2)],
)
def test_what_follows_an_undecidable_packet(first, policy, said):
    """A reply is established if its request was let through, and new otherwise; strangers are decided."""
    rules = f"""table inet t {{ chain c {{ type filter hook forward priority 0; policy {policy};
        ct state established accept
        ct direction reply drop
        ip saddr 10.0.0.1 {first}
        ip saddr 192.0.2.1 drop }} }}"""
    packets = [(0, udp("10.0.0.1:4000", "192.0.2.1:53")), (1, udp("192.0.2.1:53", "10.0.0.1:4000")), (2, udp("192.0.2.1:53", "10.0.0.2:1"))]
    rows = replay(packets, rules).rows
    assert [(row.said, row.decided) for row in rows][: len(said)] == said
