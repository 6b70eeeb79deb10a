"""Trials of filters: each holds under a plain ruleset (the inside out, answers in), and fails under one that breaks what it asks for."""

from __future__ import annotations

import pytest
from standards_world import OUT, WITH, world

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.regress.standards.bench import NotTried
from pcapaudit.regress.standards.probes import PROBES

STRANGERS = OUT.replace("accept } }", "accept\n    accept } }")
REJECTING = OUT.replace("accept } }", "accept\n    reject } }")
NO_RELATED = OUT.replace("established,related", "established")
DYNAMIC = """table inet t {
    set known { type ipv4_addr; flags dynamic; }
    chain c { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "lan" add @known { ip daddr } accept
        ip saddr @known accept } }"""
LIBERAL = ConntrackConfig(tcp_be_liberal=1)
STRICT = ConntrackConfig(tcp_loose=0)

#: Trial, what it is given, rules under which it fails, a part of what it then says.
FAILING = [
    ("flow", {"proto": "tcp", "ip": 6}, OUT.replace("established,related", "related"), "packet 2 of 11: drop (established)"),
    ("flow", {"proto": "icmp", "ip": 4}, WITH("icmp type echo-reply drop"), "packet 2 of 4: drop (established)"),
    ("flow", {"proto": "sctp", "ip": 6}, WITH("meta l4proto sctp @th,96,8 11 drop"), "packet 4 of 5"),
    ("simultaneous-open", {"proto": "tcp", "ip": 4}, WITH('iifname "wan" tcp flags & (syn|ack) == syn drop'), "packet 2: drop"),
    ("simultaneous-open", {"proto": "sctp", "ip": 6}, WITH('iifname "wan" meta l4proto sctp @th,96,8 1 drop'), "packet 2: drop"),
    ("crossed-open", {"ip": 4}, REJECTING, "reject (new) by test.nft:5, before the inside could have opened it"),
    ("unsolicited", {"proto": "tcp", "ip": 4}, REJECTING, "reject (new) by test.nft:5, answered at once"),
    ("inbound", {"proto": "esp", "ip": 6}, OUT, "in: drop (new) by the policy at test.nft:1, out: accept (new)"),
    ("inbound", {"proto": "ah", "ip": 6}, OUT, "unasked ah in: drop"),
    ("inbound", {"proto": "udp", "ip": 6, "port": 500}, OUT, "unasked udp port 500 in: drop"),
    ("filtering", {"proto": "udp", "ip": 4}, OUT, "filtering is address-and-port-dependent"),
    ("error-passes", {"proto": "udp", "ip": 6}, NO_RELATED, "ICMP 1/0: drop (related)"),
    ("error-passes", {"proto": "tcp", "ip": 4}, WITH("icmp code 4 drop"), "3/1: accept (related) by test.nft:4, 3/4: drop (related)"),
    ("error-from-inside", {"proto": "udp", "ip": 4}, WITH("icmp type destination-unreachable drop"), "about its answer: drop"),
    ("error-unknown", {"proto": "udp", "ip": 6}, WITH("icmpv6 type packet-too-big accept"), "2/0: accept (invalid) by test.nft:2"),
    ("error-unknown", {"proto": "udp", "ip": 4, "inside": True}, WITH('iifname "lan" accept'), "3/1: accept (invalid)"),
    ("error-unknown", {"proto": "udp", "ip": 4}, WITH("ct state invalid reject"), "3/1: reject (invalid)"),
    ("error-checksum", {}, WITH("icmp type destination-unreachable accept"), "with a wrong checksum: accept"),
    ("error-options", {}, NO_RELATED, "about a packet with IP options: drop"),
    ("error-inner-checksum", {}, OUT, "that quotes a wrong IP checksum: accept (related)"),
    ("reset", {"ip": 4, "keep": 240}, OUT, "state kept for 10 s"),
    ("reset", {"ip": 4}, WITH("tcp flags rst drop"), "RST drop (established)"),
    ("udplite-apart", {"ip": 6}, WITH('iifname "wan" meta l4proto udplite drop'), "its answer drop"),
    ("esp-one-flow", {"ip": 6}, WITH("esp spi 458829 drop"), "an answer with another SPI drop"),
    ("mobility-routing", {}, WITH("rt type 2 drop"), "with a type 2 routing header: drop"),
    ("mobility-tunnel", {}, OUT, "tunnels IPv6 in: drop"),
]


@pytest.mark.parametrize(("name", "given", "rules", "said"), FAILING, ids=[f"{each[0]}-{k}" for k, each in enumerate(FAILING)])
def test_trial_fails(name, given, rules, said):
    """It says what was tried, what became of it, and which rule did it."""
    tried = PROBES[name](world(rules), given)
    assert tried.holds is False
    assert said in tried.said


HOLDING = [
    *(
        (name, given, OUT)
        for name, given, _, _ in FAILING
        if name not in ("inbound", "filtering", "error-inner-checksum", "mobility-tunnel")
    ),
    *(("inbound", given, STRANGERS) for given in ({"proto": "esp", "ip": 6}, {"proto": "ah", "ip": 6}, {"proto": "hip", "ip": 6})),
    ("filtering", {"proto": "udp", "ip": 4}, DYNAMIC),
    ("filtering", {"proto": "udp", "ip": 4}, STRANGERS),
    ("filtering", {"proto": "generic", "ip": 6}, OUT),
    ("error-keeps", {"proto": "udp", "ip": 4}, OUT),
    ("error-keeps", {"proto": "tcp", "ip": 6}, OUT),
    ("error-keeps", {"proto": "sctp", "ip": 6}, OUT),
    ("error-refreshes-not", {"proto": "icmp", "ip": 4}, OUT),
    ("error-refreshes-not", {"proto": "udp", "ip": 4, "inside": True}, OUT),
    ("refresh-out", {"proto": "udp", "ip": 4}, OUT),
    ("reset-out-of-window", {"ip": 4}, OUT),
    ("window-unknown", {"ip": 6}, OUT),
    ("fragmented", {"proto": "udp", "ip": 4}, OUT),
    ("fragmented", {"proto": "udp", "ip": 6}, OUT),
    ("mobility-tunnel", {}, STRANGERS),
    ("deterministic", {"ip": 4}, OUT),
]


@pytest.mark.parametrize(("name", "given", "rules"), HOLDING, ids=[f"{each[0]}-{k}" for k, each in enumerate(HOLDING)])
def test_trial_holds(name, given, rules):
    """Under the plain ruleset, but for what it does not give."""
    if given.get("keep"):
        given = {"ip": 4}
    tried = PROBES[name](world(rules), given)
    assert tried.holds, tried.said


def test_filter_kinds_are_told():
    """By who else may answer."""
    said = [PROBES["filtering"](world(rules), {"proto": "udp", "ip": 4}).said for rules in (OUT, DYNAMIC, STRANGERS)]
    assert [text.split(": filtering is ")[1].split(":")[0] for text in said] == [
        "address-and-port-dependent",
        "address-dependent",
        "endpoint-independent",
    ]


def test_silence_for_good_is_no_answer():
    """RFC 6092 wants one, after six seconds."""
    tried = PROBES["unsolicited"](world(), {"proto": "tcp", "ip": 6, "answer": True})
    assert tried.holds is False
    assert tried.said.endswith("in silence and for good")


def test_rst_that_does_not_fit_passes_a_liberal_filter():
    """It leaves the judgement to the ends."""
    tried = PROBES["reset-out-of-window"](world(config=LIBERAL), {"ip": 4})
    assert tried.holds is False
    assert "RST far outside the window accept (established)" in tried.said


@pytest.mark.parametrize(
    ("name", "given", "rules", "why"),
    [
        ("unsolicited", {"proto": "tcp", "ip": 4}, STRANGERS, "it is not unsolicited"),
        ("crossed-open", {"ip": 4}, STRANGERS, "the rules let others open this connection"),
        ("mobility-routing", {}, WITH("exthdr dst exists drop"), "with a home address option: drop"),
        ("flow", {"proto": "udp", "ip": 4}, WITH("drop"), "the rules let no such flow out"),
    ],
)
def test_trial_comes_to_nothing(name, given, rules, why):
    """The reason is said."""
    with pytest.raises(NotTried, match=why):
        PROBES[name](world(rules), given)


def test_no_pickup_no_window():
    """Where connections are not taken up in their middle, nothing is enforced on such."""
    with pytest.raises(NotTried, match="no connection is taken up in its middle"):
        PROBES["window-unknown"](world(WITH("tcp flags & syn == 0 ct state new drop"), config=STRICT), {"ip": 6})


def test_limits_are_not_deterministic():
    """What passes hangs on what passed before: the first hour's packets have used the quota up."""
    tried = PROBES["deterministic"](world(WITH('iifname "wan" hour >= "00:30" hour < "02:00" drop')), {"ip": 4})
    assert tried.holds is False
