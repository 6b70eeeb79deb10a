"""Single changes, tried on one frame."""

from __future__ import annotations

import pytest
from scenes import INSIDE_OUT, MemoryStream, context_for, fragments, tcp, udp
from traced import trace_with

from pcapaudit.core import vocab
from pcapaudit.regress.alternatives import MAX_CHANGES, Ended, candidates, reordered, try_changes

A, B = "10.0.0.1:40000", "192.0.2.1:80"
HANDSHAKE = [(0, tcp(A, B, "S", 100)), (0.1, tcp(B, A, "S.", 500, 101)), (0.2, tcp(A, B, ".", 101, 501))]
STRICT = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state invalid drop
    ct state established,related accept
    iifname "inside" accept } }"""


def tried(packets, rules=STRICT, ended=None, **options):
    """{what is changed: verdict} for the last packet."""
    (trace,), context = trace_with(packets, rules, **options)
    changes = candidates(trace, context, ended)
    outcomes = try_changes(changes, context_for(packets, rules, **options), len(packets), 1)
    return {outcome.change.how: vocab.VERDICTS[outcome.verdict] for outcome in outcomes}


def test_segment_outside_the_window():
    """A liberal window lets it pass, or a rule for invalid packets; a rule for established ones does not."""
    found = tried([*HANDSHAKE, (0.3, tcp(B, A, ".", 900000, 101))])
    assert found["--sysctl nf_conntrack_tcp_be_liberal=1"] == "accept"
    assert found["ct state invalid accept"] == "accept"
    assert found["ct state established,related accept"] == "drop"
    assert found["without: ct state invalid drop"] == "drop"


def test_packet_after_a_time_out():
    """The timer of the connection before, made longer than the pause."""
    packets = [(0, udp(A, B)), (50, udp(B, A))]
    found = tried(packets, ended=Ended(1, 0, 0, 50 * 10**9, 20 * 10**9))
    assert found["--timeout udp.unreplied=51"] == "accept"
    assert found["policy accept"] == "accept"
    assert found["udp dport 40000 accept"] == "accept"
    assert found["ct state established,related accept"] == "drop"


def test_reply_to_what_was_refused():
    """That it did pass is a change, too."""
    packets = [(0, udp("192.0.2.1:80", "10.0.0.1:40000")), (1, udp("192.0.2.1:80", "10.0.0.1:40000"))]
    assert tried(packets)["--mode observed"] == "drop"


def test_middle_of_a_connection():
    """Not picked up without tcp_loose."""
    assert tried([(0, tcp(A, B, ".", 5, 5))])["--sysctl nf_conntrack_tcp_loose=0"] == "drop"


def test_accepted_packet_without_its_rule():
    """The rule that decided is needed, or it is not."""
    found = tried(HANDSHAKE[:1])
    assert [verdict for how, verdict in found.items() if how.startswith("without: ")] == ["drop"]


@pytest.mark.parametrize("packets", [[(0, b"\x45")], [(0, b"junk")]])
def test_frame_that_no_rule_sees(packets):
    """Nothing is tried."""
    assert tried(packets, INSIDE_OUT) == {}


def test_changes_are_few():
    """Each is a whole run."""
    (trace,), context = trace_with(
        [(0, tcp(A, B, ".", 5, 5))], "table inet t { chain c { type filter hook forward priority 0; policy drop; } }"
    )
    assert len(candidates(trace, context, Ended(1, 3, 0, 10**12, 10**9))) <= MAX_CHANGES


def test_frame_that_never_comes():
    """No outcome is made up."""
    (trace,), context = trace_with(HANDSHAKE, STRICT)
    again = context_for(HANDSHAKE, STRICT)
    assert isinstance(again.stream, MemoryStream)
    assert try_changes(candidates(trace, context), again, 99, 1) == []


@pytest.mark.parametrize("rows", [1, 4096])
def test_fragment_that_waits(rows):
    """What one change would do to its datagram, which later frames complete."""
    packets = [(n, part) for n, part in enumerate(fragments(udp("192.0.2.1:53", "10.0.0.1:4000", bytes(200)), 48, 96))]
    (trace,), context = trace_with(packets, STRICT, 1)
    outcomes = try_changes(candidates(trace, context), context_for(packets, STRICT, rows=rows), 1, 1)
    assert vocab.VERDICTS[trace.verdict["verdict"]] == "drop"
    assert {each.change.how: vocab.VERDICTS[each.verdict] for each in outcomes}["udp dport 4000 accept"] == "accept"


def test_fragment_that_waits_in_vain():
    """No rule sees it."""
    (trace,), context = trace_with([(0, fragments(udp(A, B, bytes(200)), 48)[0]), (40, udp(A, B))], STRICT, 1)
    assert candidates(trace, context) == []


ORDER = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    udp dport 53 drop
    iifname "inside" meta l4proto udp accept } }"""


def test_order_of_rules():
    """The rule behind would let it in: it is moved in front, and tried."""
    packets = [(0, udp("10.0.0.1:4000", "192.0.2.1:53"))]
    (trace,), context = trace_with(packets, ORDER)
    outcomes = try_changes(candidates(trace, context), context_for(packets, ORDER), 1, 1)
    (change,) = reordered(trace, context, outcomes)
    assert change.text == "test.nft:3 moved in front of the deciding rule (test.nft:2)"
    (moved,) = try_changes([change], context_for(packets, ORDER), 1, 1)
    assert (vocab.VERDICTS[moved.verdict], moved.at) == ("accept", "test.nft:3")


@pytest.mark.parametrize(
    "rules",
    [
        ORDER.replace("policy drop", "policy accept").replace("udp accept", "udp drop"),
        STRICT.replace('iifname "inside" accept', "udp dport 53 drop"),
    ],
    ids=["same-verdict", "policy"],
)
def test_order_changes_nothing(rules):
    """Where the rule behind says the same, or only the policy is behind."""
    packets = [(0, udp("10.0.0.1:4000", "192.0.2.1:53"))]
    (trace,), context = trace_with(packets, rules)
    outcomes = try_changes(candidates(trace, context), context_for(packets, rules), 1, 1)
    assert reordered(trace, context, outcomes) == []
