"""FTP's four announcements, and everything that a naive parser would take for one.

tests/conformance/channels holds such lines, and what Linux made of them.
"""

from ipaddress import ip_address

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, tcp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.helpers.ftp import Announcement, Found, announcement

C, S = "10.0.0.1:3000", "192.0.2.1:21"
C6, S6 = "[fd00::1]:3000", "[2001:db8::1]:21"
FTP = ConntrackConfig().with_helper("ftp")
LOOSE = FTP.with_helper_param("ftp.loose=1")


def number(text):
    """An address as a number."""
    return int(ip_address(text))


def logged_in(client=C, server=S):
    """A control channel on which both sides have said a line."""
    return (
        Talk(client, server)
        .open()
        .answers("220 ready\r\n")
        .says("USER a\r\n")
        .answers("331 pw\r\n")
        .says("PASS b\r\n")
        .answers("230 ok\r\n")
    )


def run(talk, *later, config=FTP, rules=INSIDE_OUT, **more):
    """Replay a talk, then packets one second apart; the talk begins at its first packet."""
    return replay([*talk.packets, *((talk.at + 1 + k, packet) for k, packet in enumerate(later))], rules, config=config, **more)


# The parser ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "address", "port"),
    [
        (b"PORT 10,0,0,1,19,137\r\n", "10.0.0.1", 5001),
        (b"port 10,0,0,1,0,21\r\n", "10.0.0.1", 21),
        (b"PORT 10,0,0,1,0,0\r\n", "10.0.0.1", 0),
        (b"PORT ,,,,,\r", "0.0.0.0", 0),
        (b"EPRT |1|132.235.1.2|6275|\r\n", "132.235.1.2", 6275),
        (b"EPRT x1x1.2.3.4x7x", "1.2.3.4", 7),
        (b"EPRT |1|1.2.3.4|65537|\r\n", "1.2.3.4", 1),
        # Numbers over 255 overflow into their neighbours, and 32 bits are all there is.
        (b"PORT 10,0,2,300,2,300\r\n", "10.0.3.44", 300 | 512),
        (b"PORT 10,0,0,1,300,1\r\n", "10.0.0.1", 44 << 8 | 1),
        (b"PORT 4294967306,0,0,1,0,5\r\n", "10.0.0.1", 5),
    ],
)
def test_client_announces(line, address, port):
    """PORT and EPRT over IPv4."""
    assert announcement(line, 0, 4) == (Found.WHOLE, Announcement(line[:4].decode().upper(), number(address), port))


@pytest.mark.parametrize(
    ("line", "address", "port"),
    [
        (b"EPRT |2|2001:db8::1|6000|\r\n", "2001:db8::1", 6000),
        (b"EPRT !2!::ffff:1.2.3.4!1!", "::ffff:1.2.3.4", 1),
    ],
)
def test_client_announces_over_ipv6(line, address, port):
    """EPRT."""
    assert announcement(line, 0, 6) == (Found.WHOLE, Announcement("EPRT", number(address), port))


@pytest.mark.parametrize(
    ("line", "command", "address", "port"),
    [
        (b"227 Entering Passive Mode (10,0,0,2,156,64).\r\n", "227", "10.0.0.2", 40000),
        (b"227 =10,0,0,2,4,1\r\n", "227", "10.0.0.2", 1025),
        (b"227 Entering Passive Mode 1,2,3,4,5,6\n", "227", "1.2.3.4", 1286),
        (b"229 Entering Extended Passive Mode (|||40000|)\r\n", "229", None, 40000),
        (b"229 (!!!1!x", "229", None, 1),
        (b"229 (|||65537|)", "229", None, 1),
    ],
)
def test_server_announces(line, command, address, port):
    """227 and 229; the latter names no address."""
    assert announcement(line, 1, 4) == (Found.WHOLE, Announcement(command, address and number(address), port))


@pytest.mark.parametrize(
    ("line", "direction", "l3"),
    [
        # Half a command; half an announcement.
        (b"P", 0, 4),
        (b"POR", 0, 4),
        (b"PORT", 0, 4),
        (b"epr", 0, 4),
        (b"PORT 10,0,0,1,19", 0, 4),
        (b"PORT 10,0,0,1,19,137", 0, 4),
        (b"PORT\r\n", 0, 4),
        (b"PORTABLE STORAGE 1,2,3,4,5,6\r", 0, 4),
        (b"PORT  1,2,3,4,5,6\r", 0, 4),
        (b"EPRT |1|10.0.0.1|50", 0, 4),
        (b"2", 1, 4),
        (b"227", 1, 4),
        (b"227 Entering Passive Mode (10,0,0", 1, 4),
        (b"229 Entering Extended Passive Mode (|||400", 1, 4),
        # What looks like one and is none.
        (b"227 Logout.\r\n", 1, 4),
        (b"227 Bye, see you at 5\r\n", 1, 4),
        (b"227 (1,2,3,4,5)\r\n", 1, 4),
        (b"227 (1.2.3.4.5.6)\r\n", 1, 4),
        (b"227 (1,2,3,4,5,6", 1, 4),
        (b"227 1,2,3,4,5,6,7\r\n", 1, 4),
        (b"229 no parenthesis\r\n", 1, 4),
        (b"229 (|||x|)\r\n", 1, 4),
        (b"229 (|||0|)\r\n", 1, 4),
        (b"229 (|||65536|)\r\n", 1, 4),
        (b"229 (111401)\r\n", 1, 4),
        (b"229 (||!40|)\r\n", 1, 4),
        (b"229 (\r\n", 1, 4),
        (b"PORT 1,2,3,4,5,6\n", 0, 4),
        (b"PORT a,b,c,d,e,f\r\n", 0, 4),
        (b"PORT -1,2,3,4,5,6\r\n", 0, 4),
        (b"EPRT |1|10.0.0.1|0|\r\n", 0, 4),
        (b"EPRT |1|10.0.0.1|65536|\r\n", 0, 4),
        (b"EPRT |2|fd00::1|5000|\r\n", 0, 4),
        (b"EPRT |3|10.0.0.1|5000|\r\n", 0, 4),
        (b"EPRT |1|10.0.0|5000|\r\n", 0, 4),
        (b"EPRT 11110.0.0.115000\r\n", 0, 4),
        (b"EPRT |1", 0, 4),
        (b"EPRT |1|10.0.0.1|5000|\r\n", 0, 6),
        (b"EPRT |2|fd00::g|5000|\r\n", 0, 6),
        (b"EPRT |2|fe80::1%eth0|5000|\r\n", 0, 6),
        (b"EPRT |2||5000|\r\n", 0, 6),
        (b"EPRT |2|\xff\xfe|5000|\r\n", 0, 6),
        (b"EPRT |2|fd00::1", 0, 6),
    ],
)
def test_partial_or_wrong(line, direction, l3):
    """Linux drops the packet: a partial match."""
    assert announcement(line, direction, l3) == (Found.PARTIAL, None)


@pytest.mark.parametrize(
    ("line", "direction"),
    [
        (b"USER anonymous\r\n", 0),
        (b"XPORT 10,0,0,1,19,137\r\n", 0),
        (b" PORT 10,0,0,1,19,137\r\n", 0),
        (b"227 Entering Passive Mode (10,0,0,2,156,64).\r\n", 0),
        (b"PORT 10,0,0,1,19,137\r\n", 1),
        (b"227-Entering Passive Mode (10,0,0,2,156,64).\r\n", 1),
        (b"1227 (10,0,0,2,156,64)\r\n", 1),
        (b"\x00\xff\x80binary", 0),
        (b"A" * 100_000, 0),
        (b"QUIT\r\nPORT 10,0,0,1,19,137\r\n", 0),
    ],
)
def test_nothing(line, direction):
    """Other lines, announcements of the wrong side, binary, an endless line, a second line in one packet."""
    assert announcement(line, direction, 4) == (Found.NOTHING, None)


# The helper ----------------------------------------------------------------------------------------------------------------------


def test_active_mode():
    """PORT: the server's connection is related, and the flow knows its parent."""
    talk = logged_in().says("PORT 10,0,0,1,19,137\r\n")
    one = run(talk, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"), tcp("192.0.2.1:20", "10.0.0.1:5002", "S"))
    data, stranger = one.rows[-2:]
    assert (data.state, data.said, data.parent, data.status) == ("related", "accept", 1, ["expected", "confirmed"])
    assert (stranger.state, stranger.said, stranger.parent) == ("new", "drop", 0)
    assert [(int(flow["parent"]), int(flow["helper"])) for flow in one.flows] == [(0, 1), (1, 1), (0, 0)]


def test_passive_mode():
    """227: the client's second connection is related."""
    talk = logged_in().says("PASV\r\n").answers("227 Entering Passive Mode (192,0,2,1,156,64).\r\n")
    assert run(talk, tcp("10.0.0.1:3001", "192.0.2.1:40000", "S")).rows[-1].state == "related"


@pytest.mark.parametrize("mode", ["EPRT", "EPSV"])
def test_extended_modes_over_ipv6(mode):
    """EPRT and 229."""
    talk = logged_in(C6, S6)
    if mode == "EPRT":
        later = tcp("[2001:db8::1]:20", "[fd00::1]:6000", "S")
        talk.says("EPRT |2|fd00::1|6000|\r\n")
    else:
        later = tcp("[fd00::1]:3001", "[2001:db8::1]:40000", "S")
        talk.says("EPSV\r\n").answers("229 Extended Passive Mode (|||40000|)\r\n")
    assert run(talk, later).rows[-1].state == "related"


def test_expectation_lives_five_minutes():
    """Not a moment longer."""
    talk = logged_in().says("PORT 10,0,0,1,19,137\r\n")
    said = talk.packets[-1][0]
    for after, state in ((299.999, "related"), (300, "new")):
        packets = [*talk.packets, (said + after, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]
        assert replay(packets, INSIDE_OUT, config=FTP).rows[-1].state == state


def test_one_is_pending_at_a_time():
    """A second PORT takes the place of the first."""
    talk = logged_in().says("PORT 10,0,0,1,0,1\r\n").says("PORT 10,0,0,1,0,2\r\n")
    rows = run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S"), tcp("192.0.2.1:20", "10.0.0.1:2", "S")).rows
    assert [row.state for row in rows[-2:]] == ["new", "related"]


def test_retransmitted_command_is_read_again():
    """The place where it began is remembered."""
    talk = logged_in()
    place = talk.next[0]
    talk.says("PORT 10,0,0,1,0,1\r\n")
    first = tcp("192.0.2.1:20", "10.0.0.1:1", "S")
    again = talk.segment(0, b"PORT 10,0,0,1,0,1\r\n", 0x18, place)
    rows = run(talk, first, again, tcp("192.0.2.1:21000", "10.0.0.1:1", "S")).rows
    assert [rows[-3].state, rows[-1].state] == ["related", "related"]


def test_command_in_two_segments_is_dropped_and_read_when_whole():
    """The first half is dropped: the client sends all of it again."""
    talk = logged_in()
    place = talk.next[0]
    talk.send(0, b"PORT 10,0,0,1", seq=place)
    talk.says("PORT 10,0,0,1,0,1\r\n")
    one = run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S"))
    half = one.rows[len(talk.packets) - 2]
    assert (half.said, half.why, half.decided, half.rule) == ("drop", "helper", 1, 0)
    assert one.rows[-1].state == "related"


def test_second_half_alone_is_no_command():
    """It begins where no line begins."""
    talk = logged_in().send(0, b"NOOP x").send(0, b"PORT 10,0,0,1,0,1\r\n")
    assert run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S")).rows[-1].state == "new"


def test_first_packet_of_a_side_is_not_read():
    """Nobody knows yet where a line begins; as Linux, so the tools that test it."""
    talk = Talk(C, S).open().says("PORT 10,0,0,1,0,1\r\n")
    assert run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S")).rows[-1].state == "new"


def test_old_retransmission_does_not_move_the_line():
    """Of two known beginnings the older one makes room, and never for one that is older still."""
    talk = logged_in()
    talk.send(0, b"a\n", seq=900)
    talk.says("PORT 10,0,0,1,0,1\r\n")
    assert run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S")).rows[-1].state == "related"


def test_port_to_a_third_host():
    """Not honoured, not dropped; with loose it is."""
    talk = logged_in().says("PORT 10,0,0,9,0,22\r\n")
    later = tcp("192.0.2.1:20", "10.0.0.9:22", "S")
    for config, state in ((FTP, "new"), (LOOSE, "related")):
        one = run(talk, later, config=config)
        assert (one.rows[-2].said, one.rows[-1].state) == ("accept", state)


def test_announcement_taken_by_another_is_dropped():
    """Two control channels cannot both expect the same server at the same port."""
    packets = []
    for client in (C, "10.0.0.1:3500"):
        packets += [(len(packets) + at, packet) for at, packet in logged_in(client).says("PORT 10,0,0,1,0,1\r\n").packets]
    rows = replay(packets, INSIDE_OUT, config=FTP).rows
    assert [row.why for row in rows if row.said == "drop"] == ["helper"]


def test_what_the_rules_drop_is_not_read():
    """The command never passed."""
    rules = INSIDE_OUT.replace("ct state established", "ip protocol tcp @th,160,32 0x504f5254 drop\n    ct state established")
    talk = logged_in().says("PORT 10,0,0,1,0,1\r\n")
    one = run(talk, tcp("192.0.2.1:20", "10.0.0.1:1", "S"), rules=rules)
    assert [row.said for row in one.rows[-2:]] == ["drop", "drop"]
    assert one.rows[-1].state == "new"


def test_end_of_the_control_channel_ends_the_expectation():
    """A RST, and its entry's end ten seconds later."""
    talk = logged_in().says("PORT 10,0,0,1,0,1\r\n").answers("200 ok\r\n").send(0, flags=0x14)
    packets = [*talk.packets, (talk.at + 11, tcp("192.0.2.1:20", "10.0.0.1:1", "S"))]
    assert replay(packets, INSIDE_OUT, config=FTP).rows[-1].state == "new"


def test_cut_off_command_makes_what_follows_undecidable():
    """The snap length hides the command: blind, and the data connection may be related."""
    talk = logged_in().says("PORT 10,0,0,1,19,137\r\n")
    one = run(talk, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"), tcp("198.51.100.1:20", "10.0.0.1:5001", "S"), snaplen=52)
    assert "helper-blind" in one.rows[len(talk.packets) - 1].anomalies
    data, stranger = one.rows[-2:]
    assert (data.state, data.said, data.decided) == ("new", "drop", 0)
    assert (stranger.said, stranger.decided) == ("drop", 1)


def test_cut_behind_the_command_reads_it():
    """What matters is there."""
    talk = logged_in().says("PORT 10,0,0,1,19,137\r\nNOOP and more\r\n")
    one = run(talk, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"), snaplen=62)
    assert (one.rows[-1].state, one.rows[-1].decided) == ("related", 1)


def test_binary_on_port_21():
    """Nothing happens, whatever it is."""
    talk = logged_in()
    for k in range(256):
        talk.send(k % 2, bytes((k * 7 + n * n) % 256 for n in range(200)))
    assert not [row for row in run(talk).rows if row.said == "drop"]
