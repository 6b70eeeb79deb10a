"""Comparisons in words."""

import json

import pytest
from sample_diff import BACK, POLICY, WEB, change, changes, example, fate, record

from pcapaudit.report.diff import TITLES, consequence, decider, headline, packet, render_json, shown_time, side, volume


def test_json_is_the_record():
    """As it is."""
    assert json.loads(render_json(record())) == record()
    assert "inside → outside" in render_json(record())


def test_headline():
    """A sentence for each outcome."""
    assert headline(record([])) == "Nothing changed in 1 000 000 packets."
    assert headline(record()) == (
        "13 276 packets of 351 flows changed, of 1 000 000 packets:"
        " 12 368 newly blocked, 3 newly allowed, 4 for another reason, 901 decided by another rule."
    )
    allowed = [each for each in changes() if each["kind"] == "other-rule"]
    assert headline(record(allowed, flows_changed=0)) == (
        "901 packets changed, of 1 000 000 packets: 901 decided by another rule. All of that is allowed."
    )


@pytest.mark.parametrize(
    ("kind", "more", "text"),
    [
        ("newly-blocked", {}, ""),
        ("newly-blocked", {"flows_whole": 1}, ""),
        ("newly-blocked", {"flows_whole": 1, "consequences": 3}, "3 of them because their connection never began"),
        (
            "newly-blocked",
            {"flows_whole": 1, "flows_part": 1, "consequences": 3},
            "3 of them because their connection never began or was cut",
        ),
        ("newly-blocked", {"flows_part": 2}, "2 connections cut in the middle"),
        ("newly-blocked", {"flows_part": 1, "flows_whole": 4}, "1 connection cut in the middle"),
        ("newly-allowed", {"flows_whole": 1, "consequences": 3}, "3 of them because their connection now begins"),
        ("newly-allowed", {"flows_part": 1}, "1 connection let go on in the middle"),
        ("newly-allowed", {"consequences": 1}, "1 of them because their connection changed"),
        ("reason-changed", {"consequences": 2}, "2 of them in consequence"),
        ("other-rule", {}, ""),
    ],
)
def test_consequence(kind, more, text):
    """What it did to flows."""
    assert consequence(change(kind, WEB, POLICY, 9, **more)) == text


def test_volume():
    """Packets and flows."""
    assert volume(change("other-rule", BACK, POLICY, 1)) == "1 packet of 1 flow"
    assert volume(change("other-rule", BACK, POLICY, 1000, flows=0)) == "1 000 packets"


def test_decider():
    """A rule, a policy, nobody, too many."""
    assert decider(WEB)[:2] == ("accept", "old.nft:12")
    assert decider(POLICY) == ("drop", "new.nft:4", "policy drop of inet fw forward")
    assert decider(fate("drop", None, None, chain=None, reason="martian")) == ("drop (martian)", "", "before any rule")
    assert decider(fate("accept", "a:1", None, ct_state="new")) == ("accept", "a:1", "inet fw forward (seen as new)")
    assert decider(None)[0] == "various"


def test_packet():
    """Ports where there are some, brackets where they are needed."""
    assert packet(example(1)) == "tcp 10.0.0.5:40001 > 192.0.2.1:443"
    assert packet(example(1, src="fd00::1")) == "tcp [fd00::1]:40001 > 192.0.2.1:443"
    ping = example(1, proto="icmp", sport=None, dport=None, icmp_type=8, icmp_code=0)
    assert packet(ping) == "icmp 10.0.0.5 > 192.0.2.1 type 8 code 0"
    assert packet(example(1, proto=None)) == "not IP"


def test_side_and_time():
    """What was given, and when it was."""
    assert side(record()["old"]) == "run/verdicts.csv (saved run)"
    assert side(record()["new"]) == "new.nft, udp.stream=60, nf_conntrack_tcp_loose=0"
    assert shown_time(1_700_000_000_123_456_789) == "2023-11-14 22:13:20.123456"


def test_every_kind_has_a_title():
    """In order of importance."""
    assert list(TITLES) == list(record()["packets"]["by_kind"])
