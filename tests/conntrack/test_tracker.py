"""Everything but TCP's inside: UDP, ICMP, errors, other protocols, unconfirmed and blocked flows, limits, time."""

import pytest
from scenes import ACCEPT_ALL, DROP_ALL, INSIDE_OUT, icmp, ip, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts

A, B = "10.0.0.1:40000", "192.0.2.1:53"
HOST, PEER = "10.0.0.1", "192.0.2.1"


def states(run):
    """The ct states of a run."""
    return [row.state for row in run.rows]


def test_udp_answer_and_time_out():
    """Thirty seconds; an answer belongs to the exchange while it lasts, and not a nanosecond longer."""
    late = 30.0
    assert states(replay([(0, udp(A, B)), (29.999999999, udp(B, A))])) == ["new", "established"]
    assert states(replay([(0, udp(A, B)), (late, udp(B, A))])) == ["new", "new"]


def test_udp_becomes_a_stream_after_two_seconds():
    """Assured and two minutes, from the first packet after two seconds that follows a reply."""
    rows = replay([(0, udp(A, B)), (1, udp(B, A)), (2, udp(A, B)), (2.1, udp(A, B))]).rows
    assert [round(row.left) for row in rows] == [30, 30, 30, 120]
    assert rows[3].status == ["seen_reply", "assured", "confirmed"]


def test_only_the_server_that_was_asked_may_answer():
    """Another address, or another port, is a stranger."""
    run = replay([(0, udp(A, B)), (0.1, udp("192.0.2.2:53", A)), (0.2, udp("192.0.2.1:54", A)), (0.3, udp(B, A))], INSIDE_OUT)
    assert [row.said for row in run.rows] == ["accept", "drop", "drop", "accept"]


def test_ping_goes_out_and_comes_back():
    """The reply of an outgoing ping comes back, an incoming ping does not get in."""
    run = replay([(0, icmp(HOST, PEER, 8)), (0.1, icmp(PEER, HOST, 0)), (0.2, icmp(PEER, HOST, 8))], INSIDE_OUT)
    assert [(row.state, row.said) for row in run.rows] == [("new", "accept"), ("established", "accept"), ("new", "drop")]


@pytest.mark.parametrize(("kind", "reason"), [(0, "icmp-no-request"), (9, "icmp-type"), (14, "icmp-no-request"), (40, "icmp-type")])
def test_icmp_that_opens_nothing(kind, reason):
    """Replies without a request, and types that are no query."""
    (row,) = replay([(0, icmp(PEER, HOST, kind))]).rows
    assert (row.state, row.why) == ("invalid", reason)


def test_ping6_and_neighbour_discovery():
    """Echo is tracked, neighbour discovery is not."""
    run = replay([(0, icmp("fd00::1", "2001:db8::1", 128)), (1, icmp("2001:db8::1", "fd00::1", 129)), (2, icmp("fd00::1", "fd00::2", 135))])
    assert states(run) == ["new", "established", "untracked"]


def test_icmp_error_is_related():
    """Port unreachable from the server, and time exceeded from a router on the way, belong to the flow; its time-out stays."""
    question = udp(A, B)
    run = replay(
        [(0, question), (1, icmp(PEER, HOST, 3, 3, data=question)), (2, icmp("198.51.100.9", HOST, 11, data=question))], INSIDE_OUT
    )
    assert [(row.state, row.way, row.flow, row.said) for row in run.rows[1:]] == [("related", "reply", 1, "accept")] * 2
    assert round(run.rows[2].left) == 28
    assert run.flows[0]["packets"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (icmp(PEER, HOST, 3, 3, data=udp("10.0.0.1:9", B)), "icmp-quote-unknown"),
        (icmp(PEER, HOST, 3, 3, data=udp(A, B)[:20]), "icmp-quote-short"),
        (icmp(PEER, "10.0.0.2", 3, 3, data=udp(A, B)), "icmp-quote-mismatch"),
        (icmp(PEER, HOST, 3, 3, data=icmp(HOST, PEER, 3, 1)), "icmp-quote-unknown"),
    ],
)
def test_icmp_error_about_nothing(error, reason):
    """Of an unknown flow, cut short, sent to the wrong host, about an error."""
    row = replay([(0, udp(A, B)), (1, error)]).rows[1]
    assert (row.state, row.why) == ("invalid", reason)


def test_other_protocols_are_pairs_of_addresses():
    """The generic protocol: ten minutes, by addresses alone."""
    rows = replay([(0, ip(HOST, PEER, 89, b"x" * 8)), (1, ip(PEER, HOST, 89, b"y" * 8)), (700, ip(PEER, HOST, 89, b"y" * 8))]).rows
    assert [(row.state, round(row.left)) for row in rows] == [("new", 600), ("established", 600), ("new", 600)]


def test_dropped_packet_leaves_no_entry():
    """Every packet of a refused flow is new; one blocked flow tells of all."""
    run = replay([(n, udp(A, B)) for n in range(3)] + [(5, udp(B, A))], DROP_ALL)
    assert states(run) == ["new"] * 4
    assert [row.flow for row in run.rows] == [1] * 4
    (flow,) = run.flows
    assert (flow["blocked"], flow["packets"].tolist(), int(flow["dropped"])) == (1, [3, 1], 4)


def test_observed_mode_commits_what_the_rules_refuse():
    """The traffic did pass: only its first packet is blamed as new."""
    run = replay([(0, udp(A, B)), (1, udp(B, A))], DROP_ALL, mode="observed")
    assert [(row.state, row.said) for row in run.rows] == [("new", "drop"), ("established", "drop")]


def test_hole_punch():
    """The outsider's first packet is refused, ours goes out, then theirs comes in; the flow knows what was refused before it."""
    run = replay([(0, udp(B, A)), (1, udp(A, B)), (2, udp(B, A))], INSIDE_OUT)
    assert [(row.state, row.said, row.flow) for row in run.rows] == [("new", "drop", 1), ("new", "accept", 2), ("established", "accept", 2)]
    assert (int(run.flows[1]["first_blocked_frame"]), int(run.flows[1]["blocked_before"])) == (1, 1)


def test_full_table_evicts_what_is_not_assured():
    """Early drop: unanswered entries go; without any, the packet is dropped."""
    config = ConntrackConfig(max=4)
    strangers = [(n, udp(f"10.0.0.{n}:1", B)) for n in range(6)]
    run = replay(strangers, config=config)
    assert [row.said for row in run.rows] == ["accept"] * 6
    assert sum(flow["end"] == 5 for flow in run.flows) == 2
    assured = [
        each for n in range(4) for each in ((0, udp(f"10.0.0.{n}:1", B)), (1, udp(B, f"10.0.0.{n}:1")), (3, udp(f"10.0.0.{n}:1", B)))
    ]
    run = replay([*sorted(assured, key=lambda each: each[0]), (4, udp("10.0.0.9:1", B))], config=config)
    assert (run.rows[-1].said, run.rows[-1].why, run.rows[-1].state) == ("drop", "table-full", "")


def test_invalid_packet_refreshes_nothing():
    """And is attributed to the flow it does not fit."""
    bad = bytearray(udp(A, B))
    bad[24:26] = (99).to_bytes(2, "big")
    run = replay([(0, udp(A, B)), (29, bytes(bad)), (31, udp(B, A))])
    assert states(run) == ["new", "invalid", "new"]
    assert (run.rows[1].why, run.rows[1].flow) == ("bad-length", 1)


def test_time_that_goes_backwards_is_not_believed():
    """The clock stays at the latest time stamp."""
    rows = replay([(10, udp(A, B)), (5, udp(B, A)), (39.5, udp(B, A))]).rows
    assert [round(row.left, 1) for row in rows] == [30, 30, 120]


def test_high_water_mark():
    """Most entries at once, and when."""
    run = replay([(n, udp(f"10.0.0.{n}:1", B)) for n in range(60)])
    assert 30 <= run.totals.high_water <= 60


@pytest.mark.parametrize("rules", [ACCEPT_ALL, INSIDE_OUT])
@pytest.mark.parametrize("rows", [1, 7, 31, 33])
def test_batches_make_no_difference(rows, rules):
    """Cutting the stream into batches changes nothing, neither verdicts nor the order of flows."""
    packets = [(n * 1.7, udp(f"10.0.0.{n * 7 % 23}:1", B)) for n in range(200)]
    packets += [(400 + n, tcp(f"10.0.0.{n % 9}:99", "192.0.2.1:80", "S", n)) for n in range(50)]
    whole, parts = replay(packets, rules), replay(packets, rules, rows=rows)
    assert whole.rows == parts.rows
    assert [bytes(flow) for flow in whole.flows] == [bytes(flow) for flow in parts.flows]


def test_textbook_filter_closes_udp_after_the_reply():
    """A switch that no Linux has: the permission vanishes with the reply."""
    run = replay([(0, udp(A, B)), (0.1, udp(B, A)), (0.2, udp(B, A))], INSIDE_OUT, config=ConntrackConfig(udp_close_on_reply=1))
    assert [(row.state, row.said) for row in run.rows] == [("new", "accept"), ("established", "accept"), ("new", "drop")]
    assert run.flows[0]["end"] == consts.END_CLOSED


def test_icmp_error_to_the_wrong_host_is_no_packet_of_the_flow():
    """It is attributed to the flow that it quotes, but neither side of that flow has sent it."""
    question = udp(A, B)
    run = replay([(0, question), (1, icmp(PEER, "10.0.0.2", 3, 3, data=question))])
    assert (run.rows[1].why, run.rows[1].flow) == ("icmp-quote-mismatch", 1)
    assert run.flows[0]["packets"].tolist() == [1, 0]
