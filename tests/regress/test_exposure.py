"""A stateful filter beside stateless ones."""

from __future__ import annotations

from types import SimpleNamespace

from comparing import conversation
from scenes import INSIDE_OUT, context_for, fragments, icmp, tcp, udp

from pcapaudit.regress import exposure
from pcapaudit.regress.exposure import FILTERS, Exposure, exposure_record
from pcapaudit.replay.run import run

STREAM = SimpleNamespace(files=[SimpleNamespace(path="a.pcap")], warnings=[])


def compared(packets, rules=INSIDE_OUT):
    """The record."""
    context = context_for(packets, rules)
    found = Exposure(context)
    totals = run(context, [found], 1)
    return exposure_record(found, STREAM, totals.frames, "test.nft")


def let_in(record):
    """Packets let in from outside, by filter."""
    return {each["filter"]: each["from_outside"] for each in record["filters"]}


def test_conversation_passes_all_three():
    """What was asked for is answered."""
    record = compared(conversation())
    assert let_in(record) == dict.fromkeys(FILTERS, 4)
    assert [each["flows"] for each in record["filters"]] == [1, 1, 1]
    assert record["let_in_without_state"] == []
    assert record["stateful_flows"] == 1


def test_syn_from_a_service_port_is_stopped_by_the_syn_test():
    """Any port: inside may open to anywhere, so anything looks like an answer."""
    record = compared([(n, tcp(f"203.0.113.9:{20 + n}", "10.0.0.1:22", "S")) for n in range(3)])
    assert let_in(record) == {"two-rules": 3, "syn-test": 0, "stateful": 0}
    (group,) = record["let_in_without_state"]
    assert (group["source"], group["protocol"], group["packets"], group["kept_out_by_syn_test"]) == ("203.0.113.9", "tcp", 3, 3)
    assert (group["source_ports"], group["targets"], group["first_frame"]) == ([20, 21, 22], ["10.0.0.1:22"], 1)


def test_no_flag_helps_against_ack_scans_and_datagrams():
    """Nor against echo replies that nobody asked for."""
    record = compared(
        [
            (0, tcp("203.0.113.9:80", "10.0.0.1:22", "A", 1, 1)),
            (1, udp("203.0.113.9:53", "10.0.0.1:500")),
            (2, icmp("203.0.113.9", "10.0.0.1", 0)),
        ]
    )
    assert let_in(record) == {"two-rules": 3, "syn-test": 3, "stateful": 0}
    assert {group["protocol"]: group["source_ports"] for group in record["let_in_without_state"]} == {"tcp": [80], "udp": [53], "icmp": []}


def test_permission_is_the_rulesets():
    """Inside may ask port 53 only: nothing else looks like an answer."""
    rules = INSIDE_OUT.replace('iifname "inside"', 'iifname "inside" udp dport 53')
    record = compared([(0, udp("203.0.113.9:53", "10.0.0.1:500")), (1, udp("203.0.113.9:54", "10.0.0.1:500"))], rules)
    assert let_in(record) == {"two-rules": 1, "syn-test": 1, "stateful": 0}


def test_what_no_tuple_describes_is_set_aside():
    """Fragments behind the first, and ICMP errors."""
    whole = udp("203.0.113.9:53", "10.0.0.1:500", b"x" * 64)
    first, second = fragments(whole, 32)
    record = compared([(0, first), (1, second), (2, icmp("203.0.113.9", "10.0.0.1", 3, data=whole[:28]))])
    assert record["set_aside"] >= 2
    assert record["packets"] + record["set_aside"] == 3


def test_sources_are_limited(monkeypatch):
    """And those beyond are counted."""
    monkeypatch.setattr(exposure, "_MAX_GROUPS", 5)
    record = compared([(n, udp(f"203.0.113.{n}:53", "10.0.0.1:500")) for n in range(1, 9)])
    assert (len(record["let_in_without_state"]), record["groups_left_out"]) == (5, 3)
    assert let_in(record)["two-rules"] == 8


def test_many_targets_are_not_all_kept():
    """A hundred examples."""
    record = compared([(n / 100, udp(f"203.0.113.9:{1000 + n}", f"10.0.0.1:{n + 1}")) for n in range(150)])
    (group,) = record["let_in_without_state"]
    assert (group["packets"], len(group["targets"]), len(group["source_ports"])) == (150, 100, 100)


def test_nothing_is_nothing():
    """A capture without packets."""
    record = compared([])
    assert let_in(record) == dict.fromkeys(FILTERS, 0)
    assert record["duration_ns"] == 0
