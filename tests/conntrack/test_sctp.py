"""SCTP associations through the whole engine: chunks, verification tags, states, time-outs, and how associations end."""

import struct
from dataclasses import replace

import pytest
from scenes import Collector, MemoryStream, context_for, icmp, ip, replay, sctp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import vocab
from pcapaudit.replay.run import run

A, B = "10.0.0.1:4000", "192.0.2.1:5000"
#: Tags that packets to A and to B carry.
TAG_A, TAG_B = 0xA, 0xB
DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR, ECHO, COOKIE_ACK = range(12)
COMPLETE, AUTH, FORWARD_TSN = 14, 15, 192


def init(tag, kind=INIT):
    """An INIT or INIT ACK chunk that announces a tag."""
    return (kind, struct.pack("!IIHHI", tag, 65536, 1, 1, 1))


HANDSHAKE = [
    (0.0, sctp(A, B, 0, init(TAG_A))),
    (0.1, sctp(B, A, TAG_A, init(TAG_B, INIT_ACK))),
    (0.2, sctp(A, B, TAG_B, (ECHO, b"cookie"))),
    (0.3, sctp(B, A, TAG_A, (COOKIE_ACK,))),
]


def to_b(*chunks, tag=TAG_B):
    """A packet of the original direction."""
    return sctp(A, B, tag, *chunks)


def to_a(*chunks, tag=TAG_A):
    """A packet of the reply direction."""
    return sctp(B, A, tag, *chunks)


def after_handshake(*packets, **options):
    """The rows of packets that follow a handshake, a second apart."""
    return replay([*HANDSHAKE, *((1 + n, packet) for n, packet in enumerate(packets))], **options).rows[4:]


def told(rows):
    """What is compared most: state, time-out, reason."""
    return [(row.state, row.stage, round(row.left), row.why) for row in rows]


def test_handshake():
    """States, time-outs and status; the reply's COOKIE ACK makes it worth keeping."""
    rows = replay(HANDSHAKE).rows
    assert told(rows) == [
        ("new", "closed", 10, ""),
        ("established", "cookie_wait", 3, ""),
        ("established", "cookie_echoed", 3, ""),
        ("established", "established", 210, ""),
    ]
    assert ["assured" in row.status for row in rows] == [False, False, False, True]


def test_shutdown_from_either_side():
    """The three steps; closed is not opened again by what comes late."""
    rows = after_handshake(to_b((SHUTDOWN, bytes(4))), to_a((SHUTDOWN_ACK,)), to_b((COMPLETE,)), to_b((DATA, bytes(13), 3)))
    assert told(rows) == [
        ("established", "shutdown_sent", 3, ""),
        ("established", "shutdown_ack_sent", 3, ""),
        ("established", "closed", 10, ""),
        ("established", "closed", 10, ""),
    ]
    rows = after_handshake(to_a((SHUTDOWN, bytes(4))), to_b((SHUTDOWN_ACK,)), to_a((COMPLETE,)))
    assert [row.stage for row in rows] == ["shutdown_recd", "shutdown_ack_sent", "closed"]


def test_data_with_a_wrong_tag():
    """Invalid, with the tag that was expected and the one that came; the entry is not refreshed."""
    wrong, right = after_handshake(to_b((DATA, bytes(13), 3), tag=7), to_a((SACK, bytes(12))))
    assert (wrong.state, wrong.why, wrong.bound_low, wrong.seen, wrong.flow) == ("invalid", "sctp-vtag", TAG_B, 7, 1)
    assert (right.state, right.stage) == ("established", "established")


@pytest.mark.parametrize("kind", [ABORT, COMPLETE])
@pytest.mark.parametrize(("flags", "tag", "fits"), [(0, TAG_B, 1), (0, TAG_A, 0), (1, TAG_A, 1), (1, TAG_B, 0)])
def test_t_bit_reflects_the_tag(kind, flags, tag, fits):
    """ABORT and SHUTDOWN COMPLETE carry the side's tag or, with the T bit, the other's (RFC 9260, section 8.5.1)."""
    *_, row = after_handshake(to_b((SHUTDOWN, bytes(4))), to_a((SHUTDOWN_ACK,)), to_b((kind, b"", flags), tag=tag))
    assert (row.state, row.why) == (("established", "") if fits else ("invalid", "sctp-vtag"))


def test_abort_closes():
    """From any state; the flow ends by reset."""
    told_of = replay([*HANDSHAKE, (1, to_a((ABORT,)))])
    assert told(told_of.rows[4:]) == [("established", "closed", 10, "")]
    assert vocab.END_REASONS[int(told_of.flows[0]["end"])] == "reset"


def test_refused_init():
    """INIT answered by an ABORT that reflects its tag."""
    result = replay([HANDSHAKE[0], (0.1, to_a((ABORT,)))])
    assert told(result.rows) == [("new", "closed", 10, ""), ("established", "closed", 10, "")]
    assert vocab.END_REASONS[int(result.flows[0]["end"])] == "reset"


@pytest.mark.parametrize(
    ("packets", "end"),
    [
        ([], "eof"),
        ([to_b((SHUTDOWN, bytes(4)))], "closed"),
        ([to_b((SHUTDOWN, bytes(4))), to_a((SHUTDOWN_ACK,))], "closed"),
        ([to_b((SHUTDOWN, bytes(4))), to_a((SHUTDOWN_ACK,)), to_b((COMPLETE,))], "closed"),
    ],
    ids=["established", "shutdown", "shutdown ack", "shutdown complete"],
)
def test_how_an_association_ends(packets, end):
    """By the state in which the capture or the time-out leaves it."""
    result = replay([*HANDSHAKE, *((1 + n, packet) for n, packet in enumerate(packets))])
    assert vocab.END_REASONS[int(result.flows[0]["end"])] == end


def test_unanswered_init_times_out():
    """Though its state is called closed, nothing was ever open. Sent again it keeps its entry's time-out."""
    result = replay([HANDSHAKE[0], (6, HANDSHAKE[0][1]), (9.9, HANDSHAKE[0][1]), (10.1, HANDSHAKE[0][1])])
    assert told(result.rows)[:3] == [("new", "closed", 10, ""), ("new", "closed", 4, "sctp-ignored"), ("new", "closed", 0, "sctp-ignored")]
    assert [vocab.END_REASONS[int(flow["end"])] for flow in result.flows] == ["timeout", "eof"]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (to_b((DATA, bytes(13), 3)), "sctp-not-opening"),
        (to_b((SACK, bytes(12))), "sctp-not-opening"),
        (to_b((FORWARD_TSN, bytes(4))), "sctp-not-opening"),
        (to_b((ABORT,)), "sctp-not-opening"),
        (to_b((COMPLETE,)), "sctp-not-opening"),
        (to_b((COOKIE_ACK,)), "sctp-not-opening"),
        (to_b(init(TAG_A)), "sctp-vtag"),
        (to_b((INIT, bytes(12)), tag=0), "bad-length"),
        (to_b((ECHO, b"cookie")), "sctp-vtag"),
        (to_b((SHUTDOWN, bytes(4))), "sctp-vtag"),
        (to_b(), "sctp-bundle"),
        (to_b(init(TAG_A), (DATA, bytes(13)), tag=0), "sctp-bundle"),
        (to_b((DATA, bytes(13)), (COOKIE_ACK,)), "sctp-bundle"),
        (to_b(b"\0\0\0\0"), "sctp-bundle"),
    ],
    ids=[
        "data",
        "sack",
        "extension",
        "abort",
        "shutdown complete",
        "cookie ack",
        "init with tag",
        "short init",
        "cookie echo",
        "shutdown",
        "nothing",
        "init and data",
        "data and cookie ack",
        "length 0",
    ],
)
def test_packets_that_open_nothing(packet, reason):
    """Out of the blue: invalid, with a reason."""
    (row,) = replay([(0, packet)]).rows
    assert (row.state, row.why) == ("invalid", reason)


def test_shutdown_ack_out_of_the_blue():
    """It may be answered by a SHUTDOWN COMPLETE with its tag (RFC 9260, section 8.4)."""
    rows = replay([(0, to_b((SHUTDOWN_ACK,))), (1, to_a((COMPLETE,), tag=TAG_B))]).rows
    assert told(rows) == [("new", "shutdown_ack_sent", 3, ""), ("established", "closed", 10, "")]


def test_further_path():
    """Multihoming: a HEARTBEAT opens an entry of its own, its answer makes it established."""
    rows = replay([(0, to_b((HEARTBEAT, b"hb"))), (1, to_a((HEARTBEAT_ACK, b"hb"))), (2, to_b((DATA, bytes(13), 3)))]).rows
    assert told(rows) == [
        ("new", "heartbeat_sent", 30, ""),
        ("established", "established", 210, ""),
        ("established", "established", 210, ""),
    ]


def test_reply_to_a_heartbeat_that_is_none():
    """Only a HEARTBEAT, or its answer, may come back."""
    rows = replay([(0, to_b((HEARTBEAT, b"hb"))), (1, to_a((ABORT,), tag=0)), (2, to_a((SHUTDOWN_ACK,)))]).rows
    assert [(row.state, row.why) for row in rows[1:]] == [("invalid", "sctp-chunk")] * 2


def test_heartbeat_with_another_tag_is_let_through_once():
    """And, when it is answered, its tags are taken over: the ends know better (a restart on another path)."""
    beat, answer = to_b((HEARTBEAT, b"hb"), tag=0xC), to_a((HEARTBEAT_ACK, b"hb"), tag=0xD)
    rows = after_handshake(beat, answer, to_a((DATA, bytes(13)), tag=0xD), to_a((DATA, bytes(13))))
    assert [(row.state, row.why) for row in rows] == [
        ("established", "sctp-ignored"),
        ("established", ""),
        ("established", ""),
        ("invalid", "sctp-vtag"),
    ]
    assert round(rows[0].left) == 209


def test_heartbeat_ack_with_another_tag_and_no_heartbeat():
    """Nobody asked, or the same side did: invalid. With DATA beside it, a wrong tag is never let through."""
    answer = to_a((HEARTBEAT_ACK, b"hb"), tag=0xD)
    assert told(after_handshake(answer))[0][0] == "invalid"
    assert told(after_handshake(to_a((HEARTBEAT, b"hb"), tag=0xD), answer))[1][0] == "invalid"
    assert told(after_handshake(to_b((DATA, bytes(13)), (HEARTBEAT, b"hb"), tag=0xC)))[0][::3] == ("invalid", "sctp-vtag")
    right = to_b((HEARTBEAT, b"hb"))
    assert told(after_handshake(to_b((HEARTBEAT, b"hb"), tag=0xC), right, answer))[2][0] == "invalid"


def test_both_sides_open():
    """An INIT from each side: the tags are those of the last exchange."""
    rows = replay(
        [
            (0.0, to_b(init(TAG_A), tag=0)),
            (0.1, to_a(init(TAG_B), tag=0)),
            (0.2, to_b(init(TAG_A, INIT_ACK), tag=TAG_B)),
            (0.3, to_a(init(TAG_B, INIT_ACK), tag=TAG_A)),
            (0.4, to_b((ECHO, b"cookie"))),
            (0.5, to_a((COOKIE_ACK,))),
        ]
    ).rows
    assert [row.stage for row in rows] == ["closed", "closed", "closed", "cookie_wait", "cookie_echoed", "established"]


def test_init_ack_with_another_tag_during_a_collision():
    """When both sides have an INIT under way, an INIT ACK may not announce a tag that its sender's INIT did not."""
    begin = [(0.0, to_b(init(TAG_A), tag=0)), (0.1, to_a(init(TAG_B), tag=0))]
    (row,) = replay([*begin, (0.2, to_a(init(0xE, INIT_ACK), tag=TAG_A))]).rows[2:]
    assert (row.state, row.why) == ("invalid", "sctp-chunk")


def test_restart_on_a_live_association():
    """A new INIT leaves the state alone; the answer's new tags count from then on (RFC 9260, section 5.2.2)."""
    rows = after_handshake(
        to_b(init(0x1A), tag=0),
        to_a(init(0x1B, INIT_ACK), tag=0x1A),
        to_b((ECHO, b"cookie"), tag=0x1B),
        to_a((COOKIE_ACK,), tag=0x1A),
        to_b((DATA, bytes(13)), tag=0x1B),
    )
    assert {(row.state, row.stage, row.why) for row in rows} == {("established", "established", "")}


def test_stale_cookie():
    """The ERROR that answers a COOKIE ECHO ends the handshake."""
    rows = replay([*HANDSHAKE[:3], (0.3, to_a((ERROR, bytes(8))))]).rows
    assert rows[3].stage == "closed"


def test_what_the_first_chunk_changed_stays():
    """As in Linux: the SHUTDOWN counts, the ABORT behind it does not fit, the packet is invalid."""
    invalid, row = after_handshake(to_b((SHUTDOWN, bytes(4)), (ABORT,), tag=7), to_b((DATA, bytes(13))))
    assert (invalid.state, invalid.why) == ("invalid", "sctp-vtag")
    assert row.stage == "shutdown_sent"


def test_timers_are_settable():
    """By sysctl; the time-out of the state that the packet leads to."""
    config = ConntrackConfig().with_sysctl("sctp_timeout_established", "60")
    assert round(after_handshake(to_b((DATA, bytes(13))), config=config)[0].left) == 60


def test_icmp_error_about_an_association():
    """Related; the state of the association is not shown as the ICMP packet's."""
    (row,) = after_handshake(icmp("198.51.100.9", "10.0.0.1", 3, 1, data=HANDSHAKE[0][1]))
    assert (row.state, row.tcp_state, row.flow) == ("related", 0, 1)


def test_header_cut_by_the_packet():
    """Less than a common header: invalid. Trailing bytes that are no chunk: as if they were not there."""
    (row,) = replay([(0, ip("10.0.0.1", "192.0.2.1", 132, bytes(11)))]).rows
    assert (row.state, row.why) == ("invalid", "short-header")
    (row,) = after_handshake(to_b((DATA, bytes(12)), b"\0\0\0"))
    assert (row.state, row.why) == ("established", "")


def cut_replay(packets, snaplen):
    """The rows of packets of which only ``snaplen`` bytes were captured."""
    collector = Collector()
    run(replace(context_for(packets), stream=MemoryStream(packets, snaplen=snaplen)), [collector], 1)
    return collector.rows


def test_snaplen_within_the_chunks():
    """Judged by the chunks that are there, and said so; INIT ACK needs its tag, and a packet its first chunk."""
    packets = [*HANDSHAKE, (1, to_b((DATA, bytes(60)), (SHUTDOWN, bytes(4)))), (2, to_b((DATA, bytes(12))))]
    rows = cut_replay(packets, 20 + 12 + 4 + 4)
    assert [row.stage for row in rows] == ["closed", "cookie_wait", "cookie_echoed", "established", "established", "established"]
    assert ["l4-truncated" in row.anomalies for row in rows] == [False, False, False, False, True, False]
    rows = cut_replay(packets, 20 + 12 + 4 + 3)
    assert [row.why for row in rows[:2]] == ["truncated", "truncated"]
    assert {row.why for row in cut_replay(packets, 20 + 12 + 3)} == {"truncated"}
    assert {row.why for row in cut_replay(packets, 20 + 11)} == {"truncated"}
