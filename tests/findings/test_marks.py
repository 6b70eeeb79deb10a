"""One pass sorts the rows of a batch as masks over whole columns would."""

from __future__ import annotations

import numpy as np
import pytest
from packets import LAN, WAN, packets
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.marks import NAMES
from pcapaudit.findings.scene import Scene

TCP, UDP, ICMP = consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_ICMP
SYN_ACK = consts.TCP_SYN | consts.TCP_ACK


def marked(*rows):
    """The lists that are not empty."""
    lists = Scene(context()).view(*packets(*rows)).marked
    assert tuple(lists) == NAMES
    return {name: rows.tolist() for name, rows in lists.items() if len(rows)}


def test_ordinary_packets_are_in_no_list():
    """Established TCP, settled UDP, and nothing at all."""
    assert marked({}, {"proto": UDP, "ct_status": consts.STATUS_ASSURED, "sport": 5000, "dport": 6000}) == {}
    assert marked() == {}


def test_lists_are_ascending_and_end_with_the_batch():
    """What a longer batch left behind is not part of a shorter one."""
    scene = Scene(context())
    assert scene.view(*packets({"reason": 1}, {}, {"reason": 1})).marked["reasoned"].tolist() == [0, 2]
    assert scene.view(*packets({"reason": 1}, first_frame=4)).marked["reasoned"].tolist() == [0]


@pytest.mark.parametrize(
    ("row", "lists"),
    [
        ({"anomalies": 1 << consts.ANOM_TIME_BACKWARDS}, {"late"}),
        ({"anomalies": 1 << consts.ANOM_SAME_ENDPOINTS}, {"land"}),
        ({"anomalies": 1 << consts.ANOM_PORT_ZERO}, set()),
        ({"l4_csum": consts.CSUM_OFFLOADED}, {"sums"}),
        ({"l4_csum": consts.CSUM_BAD, "l3": 0}, set()),
        ({"tcp_state": consts.TCPS_SYN_SENT2}, {"both_syn"}),
        ({"tcp_flags": consts.TCP_FIN | consts.TCP_ACK, "tcp_state": consts.TCPS_FIN_WAIT}, {"fins"}),
        ({"tcp_flags": consts.TCP_FIN | consts.TCP_ACK, "tcp_state": consts.TCPS_NONE}, set()),
        ({"tcp_flags": consts.TCP_FIN | consts.TCP_ACK, "tcp_state": consts.TCPS_TIME_WAIT}, {"closed"}),
        ({"proto": consts.PROTO_SCTP, "tcp_state": consts.SCTPS_HEARTBEAT_SENT}, set()),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN}, set()),
        (
            {"ct_state": consts.CT_NEW, "verdict": consts.VERDICT_DROP, "reason": consts.REASON_POLICY},
            {"reasoned", "stray", "closed", "uninvited"},
        ),
        ({"ct_state": consts.CT_INVALID, "reason": consts.REASON_TCP_SEQ_OVER}, {"reasoned", "closed"}),
        ({"ct_state": consts.CT_INVALID, "reason": consts.REASON_BAD_CHECKSUM, "verdict": consts.VERDICT_DROP}, {"reasoned", "stray"}),
        ({"ct_state": consts.CT_INVALID, "reason": consts.REASON_TCP_STATE, "verdict": consts.VERDICT_DROP}, {"reasoned", "closed"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": SYN_ACK}, {"let_in"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": SYN_ACK, "iif": LAN, "oif": WAN}, set()),
        ({"ct_state": consts.CT_INVALID, "proto": ICMP, "reason": consts.REASON_ICMP_NO_REQUEST}, {"reasoned", "let_in"}),
        ({"proto": UDP, "sport": 1024, "dport": 1024}, {"young_udp"}),
        ({"proto": UDP, "sport": 1024, "dport": 1023}, set()),
        ({"proto": UDP, "ct_state": consts.CT_NEW, "dport": 53, "sport": 4000}, {"dns"}),
        (
            {"proto": UDP, "ct_state": consts.CT_NEW, "dport": 53, "oif": WAN, "path": consts.PATH_INPUT, "verdict": consts.VERDICT_REJECT},
            {"dns", "uninvited"},
        ),
        ({"frag": 0x2000}, {"frags"}),
        ({"anomalies": 1 << consts.ANOM_FRAGMENT_TINY}, {"frags"}),
        ({"anomalies": 1 << consts.ANOM_RETRANSMISSION}, {"again"}),
        ({"tcp_flags": consts.TCP_RST, "tcp_state": consts.TCPS_ESTABLISHED}, {"kept_rst"}),
        ({"tcp_flags": consts.TCP_RST, "tcp_state": consts.TCPS_CLOSE}, {"closed"}),
        ({"ct_state": consts.CT_RELATED, "proto": ICMP}, {"errors"}),
        ({"ct_state": consts.CT_RELATED, "proto": consts.PROTO_ICMPV6}, {"errors"}),
        ({"ct_state": consts.CT_RELATED, "proto": TCP}, set()),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "src": "127.0.0.1"}, {"martian"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "src": "239.1.2.3"}, {"martian"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "dst": "0.1.2.3"}, {"martian"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "dst": "224.0.0.251"}, set()),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "src": "ff02::1", "dst": "2001:db8::1"}, {"martian"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "src": "2001:db8::2", "dst": "::1"}, {"martian"}),
        ({"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN, "src": "2001:db8::2", "dst": "2001:db8::1"}, set()),
        ({"src": "127.0.0.1"}, set()),
    ],
)
def test_each_class(row, lists):
    """What puts a packet into a list, and what keeps it out."""
    assert set(marked(row)) - {"newcomer"} == lists


@pytest.mark.parametrize(
    ("row", "listed"),
    [
        ({"ct_state": consts.CT_NEW}, True),
        ({"ct_state": consts.CT_RELATED}, True),
        ({"ct_state": consts.CT_RELATED, "proto": ICMP}, False),
        ({"ct_state": consts.CT_NEW, "proto": consts.PROTO_ICMPV6}, False),
        ({}, False),
    ],
)
def test_newcomers(row, listed):
    """What begins a connection, new or announced."""
    assert ("newcomer" in marked(row)) == listed


def test_control_channels():
    """Payload from or to a port that is watched."""
    scene = Scene(context())
    rows = [{"dport": 21, "payload": b"x"}, {"sport": 21, "payload": b"x"}, {"dport": 21}, {"dport": 22, "payload": b"x"}]
    assert scene.view(*packets(*rows)).marked["control"].tolist() == [0, 1]
    scene.marks.watch([22])
    assert scene.view(*packets(*rows, first_frame=5)).marked["control"].tolist() == [3]


def test_openings_are_listed_where_links_are_known():
    """Only there can an address be in the wrong place."""
    known = context()
    known.topology.zones[0].vlans = (7,)
    row = {"ct_state": consts.CT_NEW, "tcp_flags": consts.TCP_SYN}
    assert Scene(known).view(*packets(row, {})).marked["opening"].tolist() == [0]
    assert Scene(context()).view(*packets(row, {})).marked["opening"].tolist() == []


def test_lists_are_what_masks_say():
    """Random columns, against NumPy."""
    rng = np.random.default_rng(7)
    count = 2000
    choices = {
        "proto": [TCP, UDP, ICMP],
        "ct_state": range(6),
        "reason": range(40),
        "tcp_state": range(10),
        "tcp_flags": range(32),
        "verdict": range(4),
        "iif": [LAN, WAN, consts.IFACE_UNKNOWN],
        "oif": [LAN, WAN, consts.IFACE_NONE],
        "path": range(4),
        "sport": [0, 53, 1023, 1024, 5000],
        "dport": [0, 53, 1023, 1024, 5000],
        "ct_status": [0, consts.STATUS_ASSURED],
        "l4_csum": range(5),
    }
    columns = {name: rng.choice(list(values), count) for name, values in choices.items()}
    view = Scene(context()).view(*packets(*({name: int(values[i]) for name, values in columns.items()} for i in range(count))))
    rows = np.arange(count)
    tcp, udp = columns["proto"] == TCP, columns["proto"] == UDP
    state, tcp_state = columns["ct_state"], columns["tcp_state"]
    unsettled = udp & (columns["ct_status"] == 0) & (state != consts.CT_INVALID)
    live = (state == consts.CT_ESTABLISHED) & (tcp_state > 0) & (tcp_state < consts.TCPS_TIME_WAIT)
    expected = {
        "reasoned": columns["reason"] != 0,
        "sums": np.isin(columns["l4_csum"], [consts.CSUM_BAD, consts.CSUM_OFFLOADED]),
        "both_syn": tcp_state == consts.TCPS_SYN_SENT2,
        "fins": live & ((columns["tcp_flags"] & consts.TCP_FIN) != 0),
        "young_udp": unsettled & (np.minimum(columns["sport"], columns["dport"]) >= 1024),
    }
    for name, mask in expected.items():
        assert view.marked[name].tolist() == rows[mask].tolist(), name
    stray = view.marked["stray"]
    assert (tcp & ((columns["tcp_flags"] & consts.TCP_SYN) == 0))[stray].all()
    uninvited = view.marked["uninvited"]
    assert (view.refused(uninvited) & view.inbound(uninvited) & view.to_inside(uninvited)).all()
