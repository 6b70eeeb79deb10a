"""Selectors against a real run: each selects what the tables' columns say."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from office import flow_rows, office, packet_rows

from pcapaudit.core.errors import SelectorError
from pcapaudit.replay.matcher import Matcher
from pcapaudit.replay.selector import parse_selector

INSIDE = ip_network("192.168.10.0/24")
START = 1_772_442_011_000_000_000


def within(text, network=INSIDE):
    return text is not None and ip_address(text) in network


PACKETS = [
    ("* > *", lambda p: True),
    ("192.168.10.0/24 > *", lambda p: within(p["src"])),
    ("* > 192.168.10.*", lambda p: within(p["dst"])),
    (
        "192.168.10.0/24 <> *:53/udp",
        lambda p: p["proto"] == "udp" and ((within(p["src"]) and p["dport"] == 53) or (within(p["dst"]) and p["sport"] == 53)),
    ),
    ("fd00:10::/64 > *", lambda p: within(p["src"], ip_network("fd00:10::/64"))),
    ("* > *:80,443/tcp", lambda p: p["proto"] == "tcp" and p["dport"] in (80, 443)),
    ("* > *:0-1023", lambda p: p["proto"] in ("tcp", "udp") and p["dport"] < 1024),
    ("proto icmp,icmpv6", lambda p: p["proto"] in ("icmp", "icmpv6")),
    ("not proto tcp", lambda p: p["proto"] != "tcp"),
    ("host 192.168.10.0/24", lambda p: within(p["src"]) or within(p["dst"])),
    ("port 53", lambda p: 53 in (p["sport"], p["dport"]) and p["proto"] in ("tcp", "udp")),
    ("ct new,related", lambda p: p["ct_state"] in ("new", "related")),
    ("direction reply", lambda p: p["direction"] == "reply"),
    ("state established", lambda p: p["tcp_state"] == "established"),
    ("verdict drop ct new", lambda p: p["verdict"] == "drop" and p["ct_state"] == "new"),
    ("reason policy", lambda p: p["reason"] == "policy"),
    ("decided no", lambda p: not p["decided"]),
    ("rule office.policy.toml:21", lambda p: p["rule_at"].endswith(":21") if p["rule_at"] else False),
    ('rule "belongs to a connection"', lambda p: p["ct_state"] in ("established", "related") and p["verdict"] == "accept"),
    ("rule policy", lambda p: p["rule"] is None and p["chain"] is not None),
    ("flow 3-5", lambda p: p["flow"] in (3, 4, 5)),
    ("frame 10-20,30", lambda p: 10 <= p["frame"] <= 20 or p["frame"] == 30),
    ("frame 240-", lambda p: p["frame"] >= 240),
]


@pytest.mark.parametrize(("text", "holds"), PACKETS, ids=[each[0] for each in PACKETS])
def test_packets(text, holds):
    """A mask is what the columns say, row by row."""
    expected = [p["frame"] for p in packet_rows() if holds(p)]
    assert [p.frame for p in office().select_packets(text)] == expected
    assert expected or text == "decided no"


FLOWS = [
    ("192.168.10.0/24 > *", lambda f: within(f["src"])),
    ("* > *:443/tcp", lambda f: f["proto"] == "tcp" and f["dport"] == 443),
    ("203.0.113.66 <> 192.168.10.20", lambda f: {f["src"], f["dst"]} == {"203.0.113.66", "192.168.10.20"}),
    ("verdict accept", lambda f: f["accepted"] and not f["dropped"] and not f["rejected"]),
    ("verdict drop", lambda f: f["dropped"] and not f["accepted"] and not f["rejected"]),
    ("icmp 8", lambda f: f["icmp_type"] == 8),
    ("end blocked", lambda f: f["end_reason"] == "blocked"),
    ("end closed,reset", lambda f: f["end_reason"] in ("closed", "reset")),
    ("frame 20-30", lambda f: f["first_frame"] <= 30 and f["last_frame"] >= 20),
    ("flow 7", lambda f: f["flow"] == 7),
    ("accepted 1-4", lambda f: 1 <= f["accepted"] <= 4),
    ("dropped 2,3", lambda f: f["dropped"] in (2, 3)),
    ("rejected 0 invalid 0", lambda f: not f["rejected"] and not f["invalid"]),
    ("decided yes", lambda f: f["undecided"] == 0),
    ("rule policy", lambda f: f["rule"] is None),
]


@pytest.mark.parametrize(("text", "holds"), FLOWS, ids=[each[0] for each in FLOWS])
def test_flows(text, holds):
    """The same for flows."""
    expected = sorted(f["flow"] for f in flow_rows() if holds(f))
    assert [f.number for f in office().select_flows(text)] == expected
    assert expected


def test_times():
    """Relative to the first frame, or absolute: the same packets."""
    first, last = packet_rows()[0]["ts_ns"], packet_rows()[-1]["ts_ns"]
    half = (last - first) // 2
    expected = [p["frame"] for p in packet_rows() if p["ts_ns"] <= first + half]
    relative = f"time +0..+{half // 10**9}.{half % 10**9:09d}"
    assert [p.frame for p in office().select_packets(relative)] == expected
    moment = office().summary["capture"]["last"]
    assert [p.frame for p in office().select_packets(f"time {moment}..")] == [p["frame"] for p in packet_rows() if p["ts_ns"] == last]
    flows = [f["flow"] for f in flow_rows() if f["first_ns"] <= first + half]
    assert [f.number for f in office().select_flows(relative)] == sorted(flows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rule office.policy.toml:999", "has rules at lines"),
        ("rule nowhere.nft:1", "no rule is 'nowhere.nft:1'"),
        ('rule "belong to"', '"belongs to a connection"'),
    ],
)
def test_rule_that_is_not_there(text, message):
    """The error shows where it is named, and what there is."""
    with pytest.raises(SelectorError, match=message):
        Matcher(parse_selector(text, "packet"), office()._program)
