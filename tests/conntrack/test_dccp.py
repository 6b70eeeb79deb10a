"""DCCP connections through the whole engine: roles, states, time-outs, headers, and how connections end."""

from dataclasses import replace

import pytest
from scenes import Collector, MemoryStream, context_for, dccp, ip, replay

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import vocab
from pcapaudit.replay.run import run

A, B = "10.0.0.1:4000", "192.0.2.1:5001"
REQUEST, RESPONSE, DATA, ACK, DATAACK, CLOSEREQ, CLOSE, RESET, SYNC, SYNCACK = range(10)
LONG = 0x1234_5678_9ABC
HANDSHAKE = [(0.0, dccp(A, B, REQUEST, 10)), (0.1, dccp(B, A, RESPONSE, LONG, 10)), (0.2, dccp(A, B, ACK, 11, LONG))]


def to_b(kind, *numbers, **more):
    """A packet of the original direction."""
    return dccp(A, B, kind, *numbers, **more)


def to_a(kind, *numbers, **more):
    """A packet of the reply direction."""
    return dccp(B, A, kind, *numbers, **more)


def after_handshake(*packets, **options):
    """The rows of packets that follow a handshake, a second apart."""
    return replay([*HANDSHAKE, *((1 + n, packet) for n, packet in enumerate(packets))], **options).rows[3:]


def told(rows):
    """What is compared most: state, time-out, reason."""
    return [(row.state, row.stage, round(row.left), row.why) for row in rows]


def test_handshake():
    """States and time-outs; the Ack of the Response's 48-bit number makes it worth keeping."""
    rows = replay([*HANDSHAKE, (0.3, to_a(DATAACK, LONG + 1, 11))]).rows
    assert told(rows) == [
        ("new", "request", 240, ""),
        ("established", "respond", 480, ""),
        ("established", "partopen", 480, ""),
        ("established", "open", 43200, ""),
    ]
    assert ["assured" in row.status for row in rows] == [False, False, True, True]


@pytest.mark.parametrize(
    ("packet", "assured"),
    [
        (to_b(ACK, 11, LONG), True),
        (to_b(ACK, 11, LONG + 1), False),
        (to_b(ACK, 11, LONG & 0xFFFFFFFF), False),
        (to_b(ACK, 11, LONG, x=0), True),
        (to_b(DATAACK, 11, LONG), False),
    ],
    ids=["right", "wrong", "lower half", "short sequence number", "dataack"],
)
def test_only_the_exact_ack_assures(packet, assured):
    """Anything else leads to the same state without it; Linux reads a long acknowledgement number in any case."""
    row = replay([*HANDSHAKE[:2], (0.2, packet)]).rows[2]
    assert (row.stage, "assured" in row.status) == ("partopen", assured)


def test_close_by_the_server():
    """CloseReq, Close, Reset. A late Reset of the client refreshes nothing, one of the server does."""
    rows = after_handshake(to_a(DATA), to_a(CLOSEREQ), to_b(CLOSE), to_a(RESET), to_b(RESET), to_a(RESET))
    assert told(rows) == [
        ("established", "open", 43200, ""),
        ("established", "closereq", 64, ""),
        ("established", "closing", 64, ""),
        ("established", "timewait", 240, ""),
        ("established", "timewait", 239, "dccp-ignored"),
        ("established", "timewait", 240, ""),
    ]


@pytest.mark.parametrize(
    ("packets", "end"),
    [
        ([], "eof"),
        ([to_b(CLOSE)], "closed"),
        ([to_a(CLOSEREQ)], "closed"),
        ([to_b(CLOSE), to_a(RESET)], "closed"),
        ([to_a(RESET, code=2)], "reset"),
    ],
    ids=["open", "close", "closereq", "close and reset", "aborted"],
)
def test_how_a_connection_ends(packets, end):
    """A Reset that says "closed" is the ordinary end; any other code is an abort."""
    result = replay([*HANDSHAKE, *((1 + n, packet) for n, packet in enumerate(packets))])
    assert vocab.END_REASONS[int(result.flows[0]["end"])] == end


def test_refused_request():
    """A Reset as the only answer ends the connection at once: the next Request opens a new one."""
    result = replay([HANDSHAKE[0], (0.1, to_a(RESET, code=7)), (0.2, to_b(REQUEST, 12))])
    assert [(row.state, row.flow) for row in result.rows] == [("new", 1), ("established", 1), ("new", 2)]
    assert vocab.END_REASONS[int(result.flows[0]["end"])] == "reset"
    assert result.rows[1].row and not result.rows[1].timeout_ns


@pytest.mark.parametrize("kind", range(1, 10))
def test_only_a_request_opens(kind):
    """Everything else out of the blue is invalid."""
    (row,) = replay([(0, to_b(kind))]).rows
    assert (row.state, row.why) == ("invalid", "dccp-not-opening")


def test_packets_that_the_state_does_not_allow():
    """Data before the handshake is over, a CloseReq of the client."""
    rows = after_handshake(to_b(DATA), to_b(CLOSEREQ), to_b(DATAACK))
    assert told(rows) == [("invalid", "", 0, "dccp-state"), ("invalid", "", 0, "dccp-state"), ("established", "partopen", 480, "")]
    assert rows[0].flow == 1


def test_sync_changes_nothing():
    """Let through without refreshing."""
    (row,) = after_handshake(to_a(SYNC, 5, 5))
    assert told([row]) == [("established", "partopen", 479, "dccp-ignored")]


def test_request_on_a_live_connection():
    """Let through; if it is answered, the ends know better and the connection starts anew."""
    rows = after_handshake(to_b(REQUEST, 77), to_a(RESPONSE, 88, 77), to_b(ACK, 78, 88), to_a(ACK, 89, 78))
    assert told(rows) == [
        ("established", "partopen", 479, "dccp-ignored"),
        ("established", "respond", 480, ""),
        ("established", "partopen", 480, ""),
        ("established", "open", 43200, ""),
    ]


def test_request_of_the_server_on_a_live_connection():
    """Answered, it turns the roles round: the old server may no longer send a CloseReq."""
    rows = after_handshake(to_a(REQUEST, 77), to_b(RESPONSE, 88, 77), to_a(ACK, 78, 88), to_a(CLOSEREQ), to_b(CLOSEREQ))
    assert [(row.stage, row.why) for row in rows] == [
        ("partopen", "dccp-ignored"),
        ("respond", ""),
        ("partopen", ""),
        ("", "dccp-state"),
        ("closereq", ""),
    ]


def test_response_without_an_ignored_request():
    """The last packet was something else, or the Request went the same way: ignored like it."""
    rows = after_handshake(to_a(RESPONSE, 88), to_b(REQUEST, 5), to_a(SYNC), to_a(RESPONSE, 88), to_a(REQUEST, 5), to_a(RESPONSE, 88))
    assert {(row.stage, row.why) for row in rows} == {("partopen", "dccp-ignored")}


def test_reopened_in_the_other_direction():
    """After a Reset the server may become the client."""
    rows = after_handshake(to_b(RESET), to_a(REQUEST, 5), to_b(RESPONSE, 6, 5), to_a(ACK, 6, 6))
    assert [row.stage for row in rows] == ["timewait", "request", "respond", "partopen"]
    assert [row.way for row in rows] == ["original", "reply", "original", "reply"]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (to_b(REQUEST, offset=2), "bad-length"),
        (to_b(REQUEST, offset=6), "bad-length"),
        (to_b(REQUEST, coverage=7), "bad-length"),
        (to_b(REQUEST, coverage=6), ""),
        (to_b(10), "dccp-type"),
        (to_b(15), "dccp-type"),
        (to_b(REQUEST, x=0), "dccp-type"),
        (to_b(SYNC, x=0), "dccp-type"),
        (ip("10.0.0.1", "192.0.2.1", 33, bytes(11)), "short-header"),
        (ip("10.0.0.1", "192.0.2.1", 33, to_b(REQUEST, offset=4)[20:36]), "short-header"),
    ],
    ids=["offset 2", "offset beyond", "coverage beyond", "coverage", "type 10", "type 15", "short request", "short sync", "11", "16 of 20"],
)
def test_headers_that_are_refused(packet, reason):
    """Whatever the connection."""
    (row,) = replay([(0, packet)]).rows
    assert row.why == reason


def summed(packet, wrong=0):
    """The packet with the checksum that Linux expects: the covered words are counted from the start of the header."""
    covered = packet[20 : 20 + ((packet[25] & 15) - 1) * 4] if packet[25] & 15 else packet[20:]
    data = packet[12:20] + bytes([0, 33]) + (len(packet) - 20).to_bytes(2, "big") + covered
    total = sum(int.from_bytes((data + b"\0")[at : at + 2], "big") for at in range(0, len(data), 2))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return packet[:26] + (total ^ wrong).to_bytes(2, "big") + packet[28:]


@pytest.mark.parametrize("coverage", [0, 3, 6, 8])
@pytest.mark.parametrize("wrong", [0, 5])
def test_checksum(coverage, wrong):
    """All of the packet, or as many words as Linux takes the coverage for; with checksum=0 nobody looks."""
    packet = summed(to_b(REQUEST, 7, data=b"12345678", coverage=coverage), wrong)
    for check in (1, 0):
        collector = Collector()
        context = context_for([(0, packet)], config=ConntrackConfig(checksum=check))
        run(replace(context, checksum="verify"), [collector], 1)
        assert collector.rows[0].why == ("bad-checksum" if wrong and check else "")


def test_snaplen_within_the_header():
    """A Response needs 28 bytes; with fewer captured it cannot be judged. Options may be missing."""
    for captured, reasons in ((28, ["", ""]), (27, ["", "truncated"]), (20, ["", "truncated"]), (11, ["truncated"] * 2)):
        collector = Collector()
        run(replace(context_for([]), stream=MemoryStream(HANDSHAKE[:2], snaplen=20 + captured)), [collector], 1)
        assert [row.why for row in collector.rows] == reasons


def test_timers_are_settable():
    """By sysctl; the time-out of the state that the packet leads to."""
    config = ConntrackConfig().with_sysctl("dccp_timeout_partopen", "60")
    assert round(replay(HANDSHAKE, config=config).rows[2].left) == 60
