"""Packets that are made up, through the whole engine."""

from __future__ import annotations

import dpkt
import pytest

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.made import START_NS, MadeStream, frames_of, topology_for, trace_made
from pcapaudit.replay.packet_text import parse_packets
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.topology import Topology
from pcapaudit.rules import parse_ruleset

FORWARD = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    meta mark 7 accept
    iifname "lan" ct state new accept } }"""


def traced(text, rules=FORWARD, topology=None):
    """The traces of packets."""
    packets = parse_packets(text)
    topology = topology or topology_for(packets)
    ruleset = parse_ruleset(rules, "t.nft")
    program = program_for(ruleset, topology)
    context = Context(MadeStream(frames_of(packets)), ruleset, program, topology, ConntrackConfig(checksum=0), "ignore")
    return trace_made(context, packets)


def said(traces):
    """(ct state, verdict) of each."""
    return [(vocab.CT_STATES[each.verdict["ct_state"]], vocab.VERDICTS[each.verdict["verdict"]]) for each in traces]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 length 60", dpkt.tcp.TCP),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 length 60", dpkt.udp.UDP),
        ("sctp 10.0.0.1:1 > 10.0.0.2:2", dpkt.sctp.SCTP),
        ("icmp 10.0.0.1 > 10.0.0.2", dpkt.icmp.ICMP),
        ("icmpv6 fd00::1 > fd00::2", dpkt.icmp6.ICMP6),
        ("tcp [fd00::1]:1 > [fd00::2]:2 length 80", dpkt.tcp.TCP),
    ],
)
def test_frames_are_what_dpkt_reads(text, kind):
    """Of the asked length."""
    ((at, data),) = frames_of(parse_packets(text))
    version = dpkt.ip6.IP6 if data[0] >> 4 == 6 else dpkt.ip.IP
    assert at == START_NS
    assert isinstance(version(data).data, kind)
    if "length" in text:
        assert len(data) == int(text.split()[-1])


def test_conversation_has_state():
    """Sequence numbers follow, so the window holds; the reply is established by its own handshake."""
    talk = "in lan out wan tcp 10.0.0.5:4000 > 192.0.2.1:443; in wan out lan tcp 192.0.2.1:443 > 10.0.0.5:4000 syn,ack;"
    traces = traced(
        talk + " in lan out wan tcp 10.0.0.5:4000 > 192.0.2.1:443; in wan out lan tcp 192.0.2.1:443 > 10.0.0.5:4000 ack length 1500"
    )
    assert said(traces) == [("new", "accept"), ("established", "accept"), ("established", "accept"), ("established", "accept")]
    assert [each.after.state for each in traces] == ["syn_sent", "syn_recv", "established", "established"]
    assert traces[3].window.failed == ""


def test_sctp_packet_opens_an_association():
    """It carries an INIT."""
    (trace,) = traced("in lan sctp 10.0.0.5:1 > 192.0.2.1:2")
    assert (said([trace]), trace.after.state) == ([("new", "accept")], "closed")


def test_time_passes():
    """After the time-out the reply is a new packet."""
    traces = traced("in lan udp 10.0.0.5:1 > 192.0.2.1:53; in wan after 40s udp 192.0.2.1:53 > 10.0.0.5:1")
    assert said(traces) == [("new", "accept"), ("new", "drop")]
    assert traces[1].now - traces[0].now == 40 * 10**9


def test_state_that_conntrack_is_to_say():
    """No entry is made, none is changed."""
    traces = traced("in wan tcp 192.0.2.1:443 > 10.0.0.5:4000 ack ct established; in wan tcp 192.0.2.1:443 > 10.0.0.5:4000 ack ct invalid")
    assert said(traces) == [("established", "accept"), ("invalid", "drop")]
    assert [each.after for each in traces] == [None, None]


def test_mark():
    """Of one packet, and not of the next."""
    assert said(traced("in wan udp 192.0.2.1:1 > 10.0.0.5:2 mark 7; in wan udp 192.0.2.1:1 > 10.0.0.5:3")) == [
        ("new", "accept"),
        ("new", "drop"),
    ]


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("in lan out wan", consts.PATH_FORWARD),
        ("in lan input", consts.PATH_INPUT),
        ("out wan", consts.PATH_OUTPUT),
        ("in lan", consts.PATH_FORWARD),
    ],
)
def test_way(words, path):
    """As asked; else by the interfaces that are named; else where the rules have chains."""
    (trace,) = traced(f"{words} udp 10.0.0.5:1 > 192.0.2.1:53")
    assert trace.packet["path"] == path
    assert (trace.packet["iif"] == consts.IFACE_NONE) == (path == consts.PATH_OUTPUT)
    assert (trace.packet["oif"] == consts.IFACE_NONE) == (path == consts.PATH_INPUT)


def test_host_firewall_has_packets_come_in():
    """A ruleset with an input chain alone."""
    rules = "table inet t { chain c { type filter hook input priority 0; policy accept; } }"
    assert traced("udp 10.0.0.5:1 > 192.0.2.1:53", rules)[0].packet["path"] == consts.PATH_INPUT


def test_topology_places_what_the_text_leaves_open():
    """Interfaces by addresses, own addresses by the way; a name may be a zone's."""
    topology = Topology.from_options(zone=["office=lan:10.0.0.0/8", "net=wan:any"], own=["10.0.0.1"])
    forward, own, named = traced(
        "tcp 10.0.0.5:1 > 192.0.2.1:2; tcp 10.0.0.5:1 > 10.0.0.1:22; in office tcp 192.0.2.1:1 > 192.0.2.2:2", topology=topology
    )
    assert (forward.packet["iif"], forward.packet["oif"], own.packet["path"]) == (0, 1, consts.PATH_INPUT)
    assert named.packet["iif"] == 0


def test_name_that_nothing_has():
    """Those that there are."""
    topology = Topology.from_options(zone=["office=lan:10.0.0.0/8"])
    with pytest.raises(ConfigError, match="no interface and no zone is called 'dmz': there are lan, office"):
        traced("in dmz udp 10.0.0.5:1 > 192.0.2.1:53", topology=topology)
