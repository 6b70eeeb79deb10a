"""Flow rows: what is counted about a flow from its first packet to its end."""

from scenes import INSIDE_OUT, START_NS, icmp, replay, tcp, udp

from pcapaudit.core import consts

A, B = "10.0.0.1:40000", "192.0.2.1:80"
S = 1_000_000_000


def test_tcp_flow_from_open_to_close():
    """Counts, times, history, flags and end of an ordinary connection."""
    run = replay(
        [
            (0, tcp(A, B, "S", 100)),
            (1, tcp(B, A, "S.", 500, 101)),
            (2, tcp(A, B, ".", 101, 501)),
            (3, tcp(A, B, "P.", 101, 501, data=50)),
            (4, tcp(B, A, ".", 501, 151)),
            (9, tcp(B, A, "F.", 501, 151)),
            (10, tcp(A, B, "F.", 151, 502)),
            (11, tcp(B, A, ".", 502, 152)),
        ]
    )
    (flow,) = run.flows
    assert (flow["first_frame"], flow["last_frame"], flow["packets"].tolist()) == (1, 8, [4, 4])
    assert flow["bytes"].tolist() == [4 * 40 + 50, 4 * 40]
    assert (flow["first_ns"], flow["last_ns"]) == (START_NS, START_NS + 11 * S)
    assert (flow["first_reply_ns"], flow["max_gap_ns"]) == (START_NS + S, 5 * S)
    assert flow["history"] == b"ShADafF"
    assert flow["tcp_flags"].tolist() == [0x1B, 0x13]
    assert (flow["tcp_state"], flow["end"]) == (consts.TCPS_TIME_WAIT, consts.END_CLOSED)
    assert (flow["accepted"], flow["dropped"], flow["blocked"]) == (8, 0, 0)


def test_history_of_odd_packets():
    """Retransmissions, closed windows and resets, each once for each side."""
    run = replay(
        [
            (0, tcp(A, B, "S", 100)),
            (1, tcp(B, A, "S.", 500, 101)),
            (2, tcp(A, B, "P.", 101, 501, data=50)),
            (3, tcp(A, B, "P.", 101, 501, data=50)),
            (4, tcp(A, B, "P.", 101, 501, data=50)),
            (5, tcp(B, A, ".", 501, 151, win=0)),
            (6, tcp(B, A, ".", 501, 151, win=0)),
            (7, tcp(B, A, "R.", 501, 151)),
        ]
    )
    assert run.flows[0]["history"] == b"ShDTawr"
    assert run.flows[0]["end"] == consts.END_RESET


def test_time_out_ends_a_flow_at_its_moment():
    """Not when somebody looks."""
    run = replay([(0, udp(A, B)), (500, udp(A, B))])
    assert [int(flow["end_ns"]) for flow in run.flows] == [START_NS + 30 * S, START_NS + 500 * S]
    assert [int(flow["end"]) for flow in run.flows] == [consts.END_TIMEOUT, consts.END_EOF]


def test_blocked_flow():
    """Its row says so, with the reason of its first packet."""
    run = replay([(0, udp(B, A)), (1, udp(B, A))], INSIDE_OUT)
    (flow,) = run.flows
    assert (flow["blocked"], flow["end"], flow["dropped"], flow["reason"]) == (1, consts.END_BLOCKED, 2, consts.REASON_POLICY)
    assert flow["packets"].tolist() == [2, 0]


def test_invalid_packets_count_for_their_flow():
    """They are attributed to the connection that they do not fit."""
    run = replay([(0, tcp(A, B, "S", 100)), (1, tcp(B, A, "S.", 500, 101)), (2, tcp(B, A, "P.", 900_000, 101, data=1))])
    (flow,) = run.flows
    assert (flow["invalid"], flow["packets"].tolist()) == (1, [1, 2])


def test_icmp_flow_has_its_identifier():
    """Type and code of the request; the identifier in place of the source port."""
    (flow,) = replay([(0, icmp("10.0.0.1", "192.0.2.1", 8, ident=77)), (1, icmp("192.0.2.1", "10.0.0.1", 0, ident=77))]).flows
    assert (flow["icmp_type"], flow["icmp_code"], flow["sport"], flow["dport"]) == (8, 0, 77, 0)


def test_ipv6_addresses():
    """Both halves."""
    (flow,) = replay([(0, udp("[fd00::1]:1", "[2001:db8::2]:2"))]).flows
    assert (int(flow["src_hi"]), int(flow["src_lo"])) == (0xFD00 << 48, 1)
    assert (int(flow["dst_hi"]), int(flow["dst_lo"])) == (0x20010DB8 << 32, 2)
