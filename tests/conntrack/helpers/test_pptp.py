"""PPTP: calls, the GRE that they make expected, and their end."""

import struct

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, ip, replay

from pcapaudit.conntrack.config import ConntrackConfig

PPTP = ConntrackConfig().with_helper("pptp")
CLIENT, SERVER = "10.0.0.1", "192.0.2.1"
PNS, PAC = 0x1234, 0x5678


def message(kind, body, size):
    """A control message of ``size`` bytes."""
    return (struct.pack("!HHIHH", size, 1, 0x1A2B3C4D, kind, 0) + body).ljust(size, b"\0")


START = message(1, b"", 156)
STARTED = message(2, b"\1\0\1", 156)
CALL = message(7, struct.pack("!H", PNS), 168)
CALLED = message(8, struct.pack("!HHB", PAC, PNS, 1), 32)
BUSY = message(8, struct.pack("!HHB", PAC, PNS, 4), 32)
INCOMING = message(9, struct.pack("!H", PAC), 220)
TAKEN = message(10, struct.pack("!HHB", PNS, PAC, 1), 24)
CONNECTED = message(11, struct.pack("!H", PNS), 28)
CLEAR = message(12, struct.pack("!H", PNS), 16)
GONE = message(13, struct.pack("!H", PAC), 148)
STOP, STOPPED = message(3, b"\1", 16), message(4, b"\1", 16)
ECHO = message(5, bytes(4), 16)


def gre(source, target, key, version=1):
    """A GRE packet for the owner of a key."""
    return ip(source, target, 47, struct.pack("!BBHHHI", 0x30, version, 0x880B, 4, key, 1) + b"\xff\x03\x00\x21")


def talk(*said):
    """A control channel; the client speaks first, then in turn; None is silence."""
    made = Talk(f"{CLIENT}:3000", f"{SERVER}:1723").open()
    for k, data in enumerate(said):
        if data is not None:
            made.send(k % 2, data)
    return made


def run(made, *later, **more):
    """Replay a talk, then packets one second apart."""
    return replay([*made.packets, *((made.at + 1 + k, packet) for k, packet in enumerate(later))], INSIDE_OUT, config=PPTP, **more)


OUT, BACK = gre(CLIENT, SERVER, PAC), gre(SERVER, CLIENT, PNS)


@pytest.mark.parametrize(("first", "second"), [(OUT, BACK), (BACK, OUT)])
def test_call_makes_both_directions_one_connection(first, second):
    """Whichever comes first; the other is its reply, and nothing stays pending."""
    rows = run(talk(START, STARTED, CALL, CALLED), first, second, first).rows[-3:]
    assert [(row.state, row.way, row.parent) for row in rows] == [
        ("related", "original", 1),
        ("established", "reply", 1),
        ("established", "original", 1),
    ]


def test_incoming_call():
    """The server asks, the client takes it, the server connects."""
    said = talk(START, STARTED, None, INCOMING, TAKEN, CONNECTED)
    assert run(said, BACK).rows[-1].state == "related"


@pytest.mark.parametrize(
    "said",
    [
        (START, None, CALL, CALLED),
        (START, STARTED, None, CALLED),
        (START, STARTED, CALL, BUSY),
        (START, STARTED, CALL, message(8, struct.pack("!HHB", PAC, PNS + 1, 1), 32)),
        (START, message(2, b"\1\0\2", 156), CALL, CALLED),
        (START, STARTED, CALL, CALLED[:31]),
        (START, STARTED, CALL, CALLED.replace(b"\x1a\x2b\x3c\x4d", b"\x1a\x2b\x3c\x4e")),
        (START, STARTED, CALL, CALLED[:2] + b"\0\2" + CALLED[4:]),
        (START, STARTED, CALL, CALLED[:11]),
        (START, STARTED, CALL[:100], CALLED),
        (START, STARTED, STOP, STOPPED, CALL, CALLED),
        (ECHO, ECHO, bytes(range(200)), b"\xff" * 1000),
        (START, STARTED, None, INCOMING, message(10, struct.pack("!HHB", PNS, PAC, 2), 24), CONNECTED),
        (START, STARTED, None, INCOMING, message(10, struct.pack("!HHB", PNS, PAC + 1, 1), 24), CONNECTED),
    ],
)
def test_no_call(said):
    """No session, no request, a refusal, the wrong call, too short, no such magic, other types."""
    assert run(talk(*said), BACK).rows[-1].said == "drop"


def test_session_may_begin_again():
    """A stop, and a new start."""
    said = talk(START, STARTED, STOP, STOPPED, START, STARTED, CALL, CALLED)
    assert run(said, BACK).rows[-1].state == "related"


def test_end_of_the_call_ends_its_gre():
    """At once: what still comes belongs to nothing."""
    made = talk(START, STARTED, CALL, CALLED)
    first = run(made, OUT).rows[-1]
    assert first.state == "related"
    packets = [*made.packets, (made.at + 1, OUT)]
    made.at += 2
    made.packets.clear()
    made.send(0, CLEAR).send(1, GONE)
    packets += [*made.packets, (made.at + 1, BACK), (made.at + 2, OUT)]
    rows = replay(packets, INSIDE_OUT, config=PPTP).rows
    assert [(row.state, row.said) for row in rows[-2:]] == [("new", "drop"), ("new", "accept")]


def test_end_of_the_call_before_its_gre():
    """What is expected is taken back."""
    made = talk(START, STARTED, CALL, CALLED, CLEAR, GONE)
    assert run(made, BACK).rows[-1].said == "drop"


def test_new_call_while_keys_are_known_is_refused():
    """Linux has room for one pair a control channel, and takes the new call's expectations back."""
    other = message(7, struct.pack("!H", PNS + 1), 168)
    answer = message(8, struct.pack("!HHB", PAC + 1, PNS + 1, 1), 32)
    made = talk(START, STARTED, CALL, CALLED, other, answer)
    assert run(made, gre(SERVER, CLIENT, PNS + 1)).rows[-1].said == "drop"


def test_gre_without_version_one_knows_no_key():
    """Only PPTP's own."""
    row = run(talk(START, STARTED, CALL, CALLED), gre(SERVER, CLIENT, PNS, version=0)).rows[-1]
    assert row.said == "drop"


def test_cut_off_message_makes_gre_undecidable():
    """The answer is there in part."""
    row = run(talk(START, STARTED, CALL, CALLED), BACK, snaplen=56).rows[-1]
    assert (row.said, row.decided) == ("drop", 0)
    row = run(talk(START, STARTED, CALL, CALLED), BACK, snaplen=48).rows[-1]
    assert (row.said, row.decided) == ("drop", 0)
