"""TCP connections through the whole engine: states, time-outs, window, and what one cell of the table cannot say."""

import pytest
from scenes import replay, tcp

from pcapaudit.conntrack.config import ConntrackConfig

A, B = "10.0.0.1:40000", "192.0.2.1:80"
HANDSHAKE = [(0.0, tcp(A, B, "S", 100)), (0.1, tcp(B, A, "S.", 500, 101)), (0.2, tcp(A, B, ".", 101, 501))]


def after_handshake(*packets, **options):
    """The rows of packets that follow a handshake."""
    return replay([*HANDSHAKE, *packets], **options).rows[3:]


def test_handshake():
    """States, time-outs and status of the first three packets."""
    rows = replay(HANDSHAKE).rows
    assert [(row.state, row.tcp, round(row.left)) for row in rows] == [
        ("new", "syn_sent", 120),
        ("established", "syn_recv", 60),
        ("established", "established", 432000),
    ]
    assert rows[2].status == ["seen_reply", "assured", "confirmed"]


def test_close_from_both_sides():
    """fin_wait, close_wait, last_ack, time_wait."""
    rows = after_handshake(
        (1, tcp(A, B, "F.", 101, 501)), (2, tcp(B, A, ".", 501, 102)), (3, tcp(B, A, "F.", 501, 102)), (4, tcp(A, B, ".", 102, 502))
    )
    assert [(row.tcp, round(row.left)) for row in rows] == [("fin_wait", 120), ("close_wait", 60), ("last_ack", 30), ("time_wait", 120)]


def test_unacknowledged_data_shortens_the_time_out():
    """Until the other side acknowledges, five minutes."""
    rows = after_handshake((1, tcp(A, B, "P.", 101, 501, data=10)), (2, tcp(B, A, ".", 501, 111)))
    assert [round(row.left) for row in rows] == [300, 432000]


def test_exact_reset_closes():
    """A RST at the acknowledged number."""
    (row,) = after_handshake((1, tcp(B, A, "R.", 501, 101)))
    assert (row.state, row.tcp, round(row.left)) == ("established", "close", 10)


def test_inexact_reset_keeps_the_connection():
    """In the window but not exact: the receiver may answer with a challenge ACK (RFC 5961)."""
    (row,) = after_handshake((1, tcp(B, A, "R", 520)))
    assert (row.tcp, round(row.left)) == ("established", 300)
    (row,) = after_handshake((1, tcp(B, A, "R", 520)), config=ConntrackConfig(rst_keeps_unacknowledged=0))
    assert round(row.left) == 10


def test_reset_below_the_window_is_invalid():
    """With its numbers; tcp_ignore_invalid_rst lets it through."""
    old = (1, tcp(B, A, "R", 400))
    (row,) = after_handshake(old)
    assert (row.state, row.why, row.bound_low, row.seen) == ("invalid", "tcp-rst-seq", 501, 400)
    assert row.flow == 1
    (row,) = after_handshake(old, config=ConntrackConfig(tcp_ignore_invalid_rst=1))
    assert row.state == "established"


def test_data_beyond_the_window():
    """Half a million bytes too far: invalid, with the bounds; with tcp_be_liberal let through."""
    far = (1, tcp(B, A, "P.", 501 + 500_000, 101, data=100))
    (row,) = after_handshake(far)
    assert (row.state, row.why) == ("invalid", "tcp-seq-over")
    assert (row.bound_high, row.seen) == (501 + 8192, 501 + 500_000)
    (row,) = after_handshake(far, config=ConntrackConfig(tcp_be_liberal=1))
    assert (row.state, row.why) == ("established", "")


def test_a_little_beyond_the_window_is_ignored():
    """Less than a window too far: let through, and its acknowledgement too."""
    over = 501 + 8192 + 10
    rows = after_handshake((1, tcp(B, A, "P.", over, 101, data=100)), (2, tcp(A, B, ".", 101, over + 100)))
    assert [(row.state, row.why) for row in rows] == [("established", "tcp-overshot"), ("established", "")]


def test_acknowledgement_of_unseen_data():
    """Nobody sent what it acknowledges."""
    (row,) = after_handshake((1, tcp(A, B, ".", 101, 9999)))
    assert (row.state, row.why, row.bound_high, row.seen) == ("invalid", "tcp-ack-over", 501, 9999)


def test_old_data_is_ignored():
    """Long acknowledged: let through without refreshing anything."""
    packets = [(1, tcp(A, B, "P.", 101 + n * 8000, 501, data=8000)) for n in range(3)]
    packets = [each for n, data in enumerate(packets) for each in (data, (1, tcp(B, A, ".", 501, 101 + (n + 1) * 8000)))]
    *_, row = after_handshake(*packets, (9, tcp(A, B, "P.", 101, 501, data=10)))
    assert (row.state, row.why) == ("established", "tcp-seq-under")
    assert round(row.left) == 432000 - 8


def test_window_scale_needs_both_sides():
    """The window of 100 counts as 100 << 7 only where both sides offered a scale."""
    scale = b"\3\3\7\1"
    for reply_options, reason in ((scale, ""), (b"", "tcp-seq-over")):
        packets = [
            (0.0, tcp(A, B, "S", 100, options=scale, win=100)),
            (0.1, tcp(B, A, "S.", 500, 101, options=reply_options, win=100)),
            (0.2, tcp(A, B, ".", 101, 501, win=100)),
            (0.3, tcp(B, A, "P.", 501 + 9000, 101, data=100)),
        ]
        assert replay(packets).rows[3].why == reason


def test_midstream_pickup():
    """An ACK opens a connection that is judged by no window; with tcp_loose=0 it is invalid."""
    packets = [(0, tcp(A, B, ".", 100, 500)), (1, tcp(B, A, "P.", 900_000, 100, data=5)), (2, tcp(A, B, ".", 100, 900_005))]
    rows = replay(packets).rows
    assert [(row.state, row.tcp, round(row.left)) for row in rows] == [
        ("new", "established", 300),
        ("established", "established", 300),
        ("established", "established", 432000),
    ]
    assert "midstream" in rows[0].anomalies
    strict = replay(packets, config=ConntrackConfig(tcp_loose=0)).rows
    assert [(row.state, row.why) for row in strict] == [("invalid", "tcp-no-pickup")] * 3


@pytest.mark.parametrize("flags", ["", "F", "SF", "SR", "FSRPAUEC", "P", "U", "SFA"])
def test_impossible_flags(flags):
    """Invalid on any connection, and without one."""
    assert replay([(0, tcp(A, B, flags))]).rows[0].why == "tcp-flags"
    assert after_handshake((1, tcp(A, B, flags, 101, 501)))[0].why == "tcp-flags"


@pytest.mark.parametrize("flags", ["S.", "F.", "R", "R."])
def test_what_cannot_open(flags):
    """A SYN-ACK, FIN or RST of no connection."""
    (row,) = replay([(0, tcp(A, B, flags, 1, 1))]).rows
    assert (row.state, row.why) == ("invalid", "tcp-not-opening")


def test_refused_connection_leaves_the_table():
    """A RST that answers a SYN ends the entry at once, so that the next SYN is new."""
    run = replay([(0, tcp(A, B, "S", 1)), (0.1, tcp(B, A, "R.", 0, 2)), (1, tcp(A, B, "S", 9000))])
    assert [(row.state, row.flow) for row in run.rows] == [("new", 1), ("established", 1), ("new", 2)]


def test_port_reuse_after_time_wait():
    """A SYN on a closed connection opens a new one."""
    close = [(1, tcp(A, B, "F.", 101, 501)), (2, tcp(B, A, "F.", 501, 102)), (3, tcp(A, B, ".", 102, 502))]
    run = replay([*HANDSHAKE, *close, (4, tcp(A, B, "S", 70_000))])
    assert (run.rows[5].tcp, run.rows[6].state, run.rows[6].flow) == ("time_wait", "new", 2)


def test_syn_on_a_live_connection_and_its_challenge():
    """The SYN passes without change; the receiver's ACK is one of the connection; a RST then ends it (RFC 5961, section 4)."""
    rows = after_handshake((1, tcp(A, B, "S", 9000)), (2, tcp(B, A, ".", 501, 101)), (3, tcp(A, B, "R", 101)))
    assert [(row.why, row.tcp) for row in rows] == [("tcp-syn-on-live", "established"), ("", "established"), ("", "close")]


def test_syn_ack_to_an_ignored_syn_brings_back_in_step():
    """Client and server agree on a new connection while the entry still shows the old one."""
    rows = after_handshake((1, tcp(A, B, "S", 9000)), (2, tcp(B, A, "S.", 7000, 9001)), (3, tcp(A, B, ".", 9001, 7001)))
    assert [row.tcp for row in rows] == ["established", "syn_recv", "established"]


def test_simultaneous_open():
    """Both sides send a SYN."""
    rows = replay([(0, tcp(A, B, "S", 100)), (1, tcp(B, A, "S", 500)), (2, tcp(A, B, "S.", 100, 501)), (3, tcp(B, A, "S.", 500, 101))]).rows
    assert [row.tcp for row in rows] == ["syn_sent", "syn_sent2", "syn_recv", "syn_recv"]


def test_repeated_syn_does_not_live_longer():
    """Whoever sends the same SYN again keeps no old entry alive."""
    rows = replay([(0, tcp(A, B, "S", 1)), (100, tcp(A, B, "S", 1)), (121, tcp(A, B, "S", 1))]).rows
    assert [(row.flow, round(row.left)) for row in rows] == [(1, 120), (1, 20), (2, 120)]


def test_retransmissions_shorten_the_time_out():
    """Three repetitions of a segment that is not answered: tcp.max_retrans."""
    config = ConntrackConfig().with_timeout("tcp.max_retrans", "40")
    rows = after_handshake(*[(n, tcp(A, B, "P.", 101, 501, data=9)) for n in range(1, 6)], config=config)
    assert [round(row.left) for row in rows] == [300, 300, 300, 40, 40]
    assert ["retransmission" in row.anomalies for row in rows] == [False, True, True, True, True]


def test_segment_that_was_sent_in_part():
    """It begins where an earlier one did and reaches beyond; what begins at the end of all that was sent is new."""
    rows = after_handshake(
        (1, tcp(A, B, "P.", 101, 501, data=9)),
        (2, tcp(A, B, "P.", 101, 501, data=20)),
        (3, tcp(A, B, "P.", 121, 501, data=9)),
    )
    assert ["retransmission" in row.anomalies for row in rows] == [False, True, False]


def test_sequence_numbers_wrap():
    """A connection over the top of the number space."""
    top = 0xFFFFFFF0
    rows = replay(
        [
            (0.0, tcp(A, B, "S", top)),
            (0.1, tcp(B, A, "S.", top, top + 1)),
            (0.2, tcp(A, B, ".", top + 1, top + 1)),
            (0.3, tcp(A, B, "P.", top + 1, top + 1, data=100)),
            (0.4, tcp(B, A, ".", top + 1, top + 101)),
            (0.5, tcp(B, A, "P.", top + 1, top + 101, data=5000)),
        ]
    ).rows
    assert [row.state for row in rows[1:]] == ["established"] * 5


RESETS = """table inet t { chain c { type filter hook forward priority 0; policy accept;
    tcp flags & (urg|rst) != 0 reject with tcp reset
    tcp flags & psh == psh reject } }"""


def test_reject_with_reset_closes():
    """The firewall's own RST ends the connection, in both directions; an ICMP reject changes nothing."""
    rows = after_handshake((1, tcp(A, B, "P.", 101, 501)), (2, tcp(B, A, "U.", 501, 101)), (3, tcp(A, B, ".", 101, 501)), rules=RESETS)
    assert [(row.said, row.tcp, round(row.left)) for row in rows] == [
        ("reject", "established", 432000),
        ("reject", "close", 10),
        ("accept", "close", 10),
    ]


def test_reject_with_reset_of_a_first_packet_leaves_nothing():
    """There is no entry to close."""
    rows = replay([(0, tcp(A, B, "SU", 1)), (1, tcp(B, A, "S.", 1, 2))], RESETS).rows
    assert [(row.said, row.tcp) for row in rows] == [("reject", ""), ("accept", "")]


def test_reset_is_not_answered_with_a_reset():
    """A refused RST leaves the connection as the RST itself made it."""
    rows = after_handshake((1, tcp(B, A, "R.", 520, 101)), rules=RESETS)
    assert [(row.said, row.tcp) for row in rows] == [("reject", "established")]


def test_closed_connection_is_not_closed_again():
    """A packet that is let through without refreshing the entry does not refresh it by being refused."""
    rows = after_handshake((1, tcp(B, A, "R", 501)), (4, tcp(A, B, "SU", 900)), rules=RESETS)
    assert [(row.said, row.tcp, round(row.left)) for row in rows] == [("reject", "close", 10), ("reject", "close", 7)]


def test_observed_reset_did_not_happen():
    """The packets did pass, says the mode: so no RST of the firewall closed anything."""
    rows = after_handshake((1, tcp(A, B, "U.", 101, 501)), rules=RESETS, mode="observed")
    assert [(row.said, row.tcp) for row in rows] == [("reject", "established")]


SYN_OPTIONS = bytes([2, 4, 5, 180, 4, 2, 8, 10, *bytes(8), 1, 3, 3, 9])


@pytest.mark.parametrize(("snaplen", "reasons"), [(96, [""]), (60, [""]), (44, [""])])
def test_window_scale_beyond_the_cut(snaplen, reasons):
    """With the option cut off nobody knows how far the other side may send: data beyond the unscaled window is not refused."""
    packets = [(0.0, tcp(A, B, "S", 100, options=SYN_OPTIONS)), (0.1, tcp(B, A, "S.", 500, 101, options=SYN_OPTIONS))]
    packets += [(0.2, tcp(A, B, ".", 101, 501, win=500)), (0.3, tcp(B, A, ".", 501 + 100_000, 101, data=10))]
    assert [row.why for row in replay(packets, snaplen=snaplen).rows[3:]] == reasons


def test_window_without_scale_is_judged_at_any_cut():
    """Options that end before a window scale, all there: the data is beyond the window."""
    packets = [(0.0, tcp(A, B, "S", 100, options=b"\2\4\5\xb4")), (0.1, tcp(B, A, "S.", 500, 101, options=SYN_OPTIONS))]
    packets += [(0.2, tcp(A, B, ".", 101, 501, win=500)), (0.3, tcp(B, A, ".", 501 + 100_000, 101, data=10))]
    assert [row.why for row in replay(packets, snaplen=80).rows[3:]] == ["tcp-seq-over"]
