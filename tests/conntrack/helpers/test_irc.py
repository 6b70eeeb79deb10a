"""IRC: DCC messages, and what only looks like one."""

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, tcp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.helpers.irc import announced

IRC = ConntrackConfig().with_helper("irc")
OWN = 0x0A000001
SEND = b"PRIVMSG bob :\1DCC SEND file %d 5000\1\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (SEND % OWN, (OWN, 5000)),
        (b" \r\n" + SEND % OWN, (OWN, 5000)),
        (b"privmsg bob :\1DCC CHAT chat %d 7\1 more\r\n" % OWN, (OWN, 7)),
        (b"PRIVMSG a :\1DCC TSEND f 167772161    65537\1 so long\n", (OWN, 1)),
        (b"PRIVMSG a :\1DCC MOVE f 18446744073877323777 5000\1\n", (OWN, 5000)),
        # No port; no number at all: Linux takes both for 0.
        (b"PRIVMSG bob :\1DCC SEND f %d x\1 and more\r\n" % OWN, (OWN, 0)),
        (b"PRIVMSG bob :\1DCC SEND f host 5000\1 ......\r\n", (0, 0)),
    ],
)
def test_announced(data, expected):
    """Address and port as they stand."""
    assert announced(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PRIVMSG",
        b"NOTICE bob :\1DCC SEND file 167772161 5000\1\r\n",
        b"PRIVMSG bob :hello, this is no request at all\r\n",
        b"PRIVMSG bob :\1DCC XMIT file 167772161 5000\1\r\n.............",
        b"PRIVMSG bob :first :\1DCC SEND file 167772161 5000\1\r\n",
        b"PRIVMSG bob :\1DCC SEND file 167772161 5000\1 no line feed",
        b"PRIVMSG bob :\1DCC SEND filewithoutablankinit........\n",
        b"PRIVMSG bob :\1DCC SEND f 1 2\n",
        b"PRIVMSG bob " + b"x" * 5000 + b" :\1DCC SEND file 167772161 5000\1\r\n",
        bytes(range(256)) * 20,
    ],
)
def test_not_announced(data):
    """Other commands, the second message, no line feed, too short, beyond what is searched, binary."""
    assert announced(data) is None


def connected(message, *, peer="198.51.100.9:4444", port=5000, **more):
    """What the firewall makes of a peer that connects after a message of the client."""
    talk = Talk("10.0.0.1:3000", "192.0.2.1:6667").open().send(0, message)
    return replay([*talk.packets, (1, tcp(peer, f"10.0.0.1:{port}", "S"))], INSIDE_OUT, config=IRC, **more).rows[-1]


def test_anybody_may_connect():
    """Whom the message went to, the server knows."""
    assert connected(SEND % OWN).state == "related"


@pytest.mark.parametrize("message", [SEND % 0x0A000002, b"PRIVMSG bob :\1DCC SEND f %d 0\1  \r\n" % OWN])
def test_forged_or_without_port(message):
    """Another host's address, or no port, is passed over."""
    assert connected(message, port=5000).said == "drop"


def test_server_and_cut_off_messages():
    """What the server sends is not read; a cut off message makes any connection to the client undecidable."""
    talk = Talk("10.0.0.1:3000", "192.0.2.1:6667").open().send(1, SEND % OWN)
    rows = replay([*talk.packets, (1, tcp("198.51.100.9:4444", "10.0.0.1:5000", "S"))], INSIDE_OUT, config=IRC).rows
    assert (rows[-1].state, rows[-1].decided) == ("new", 1)
    row = connected(SEND % OWN, snaplen=60)
    assert (row.said, row.decided) == ("drop", 0)
