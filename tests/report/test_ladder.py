"""A flow as a ladder."""

from __future__ import annotations

import json

from rich.console import Console
from scenes import ACCEPT_ALL, INSIDE_OUT, context_for, fragments, tcp, udp

from pcapaudit.replay.run import run
from pcapaudit.replay.story import Story, selector_of
from pcapaudit.report.ladder import LADDER_VERSION, ladder_record, render_ladder

A, B = "10.0.0.1:40000", "192.0.2.1:80"
TALK = [
    (0, tcp(A, B, "S", 100)),
    (0.1, tcp(B, A, "S.", 500, 101)),
    (0.2, tcp(A, B, ".", 101, 501)),
    (0.3, tcp(A, B, "P.", 101, 501, data=20)),
    (0.4, tcp(B, A, ".", 900000, 121)),
]


def record(packets, wanted=1, rules=ACCEPT_ALL, most=None):
    """The record of a story."""
    context = context_for(packets, rules)
    found = Story(wanted, context.program, most)
    run(context, [found], 1)
    return ladder_record(found, context)


def drawn(made, width=100):
    """The lines."""
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        render_ladder(made, console)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_rungs_of_a_handshake():
    """Directions, labels, numbers from 0, states, verdicts; an invalid packet with its reason."""
    rungs = record(TALK)["rungs"]
    assert [(each["to_right"], each["label"], each["numbers"]) for each in rungs] == [
        (True, "SYN", "seq 0"),
        (False, "SYN ACK", "seq 0 ack 1"),
        (True, "ACK", "seq 1 ack 1"),
        (True, "PSH ACK", "seq 1 ack 1 len 20"),
        (False, "ACK", "seq 899500 ack 21"),
    ]
    assert [each["state"] for each in rungs[:3]] == ["syn_sent", "syn_recv", "established"]
    assert (rungs[4]["ct_state"], rungs[4]["reason"]) == ("invalid", "tcp-seq-over")


def test_drawing():
    """An arrow a packet; the same width whatever stands on it."""
    lines = drawn(record(TALK, rules=INSIDE_OUT))
    assert lines[0].startswith("10.0.0.1:40000 > 192.0.2.1:80/tcp  5 packets from 2023-11-14 22:13:20")
    arrows = [line[19:59] for line in lines if "SYN" in line or "ACK " in line]
    assert all(arrow[0] in "├│" for arrow in arrows)
    assert "▶│" in lines[3]
    assert "│◀" in lines[4]
    assert any("│✗" in line and "drop" in line for line in lines)
    assert any(line.split("│")[-1].strip() == "tcp-seq-over at test.nft:1" for line in lines)
    assert len({line.index("new") if "new" in line else line.index("established") for line in lines[3:6]}) == 1


def test_narrow_terminal_keeps_the_ladder():
    """The numbers go first."""
    for width in (60, 80, 140):
        assert all(len(line) <= max(width, 78) for line in drawn(record(TALK), width)[2:-1])


def test_pause_and_time_out_are_marked():
    """A later flow of the same endpoints says when the one before ended."""
    packets = [(0, udp(A, B)), (0.1, udp(B, A)), (50, udp(A, B))]
    lines = drawn(record(packets, selector_of("10.0.0.1:40000 > 192.0.2.1:80/udp")))
    assert any(" 49.900 s later " in line for line in lines)
    assert any(" flow 1 timed out 19.900 s before this " in line for line in lines)
    assert [line.split("  ")[0] for line in lines if line.startswith("flow ")] == ["flow 1", "flow 2"]


def test_middle_is_left_out_with_a_count():
    """And no pause is claimed across it."""
    lines = drawn(record([(n * 9, udp(A, B)) for n in range(12)], most=4))
    assert sum(" 8 packets not shown (--all) " in line for line in lines) == 1
    assert sum(" later " in line for line in lines) == 2


def test_record_is_json_with_a_version():
    """``explain --flow … --format json``."""
    assert json.loads(json.dumps(record(TALK)))["schema_version"] == LADDER_VERSION


def test_one_packet_is_singular():
    """Counts read as a person writes them."""
    assert "  1 packet from " in drawn(record([(0, udp(A, B))]))[0]


def test_fragments_run_the_way_of_their_datagram():
    """Though those behind the first have no ports."""
    packets = [
        (0, udp(A, B)),
        *((1, part) for part in fragments(udp(B, A, bytes(100)), 48)),
        *((2, part) for part in fragments(udp(A, B, bytes(100)), 48, ident=9)),
    ]
    assert [(each["to_right"], each["label"]) for each in record(packets)["rungs"]] == [
        (True, "udp"),
        (False, "udp"),
        (False, "fragment"),
        (True, "udp"),
        (True, "fragment"),
    ]
