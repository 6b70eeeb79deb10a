"""Amanda: the ports in a client's answer."""

import pytest
from scenes import INSIDE_OUT, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.helpers.amanda import ports

AMANDA = ConntrackConfig().with_helper("amanda")
SERVER, CLIENT = "192.0.2.1:700", "10.0.0.1:10080"
ANSWER = b"Amanda 2.4 REP HANDLE 000\nCONNECT DATA 50001 MESG 50002 INDEX 50003\nOPTIONS\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ANSWER, [50001, 50002, 50003]),
        (b"CONNECT STATE 7 DATA 8\n", [8, 7]),
        (b"CONNECT DATA 65537 MESG 99999\n", [1, 34463]),
        (b"CONNECT DATA 123456 MESG 5\n", [12345, 5]),
        (b"CONNECT DATA 0 MESG 5\n", []),
        (b"CONNECT DATA x MESG 5\n", []),
        (b"CONNECT DATA 65536 MESG 5\n", []),
        (b"CONNECT DATA 5", []),
        (b"CONNECT \nDATA 5\n", []),
        (b"CONNECTED DATA 5\n", []),
        (b"", []),
        (bytes(range(256)), []),
    ],
)
def test_ports(data, expected):
    """In the order of the streams; a stream without a port ends the list."""
    assert ports(data) == expected


def test_streams_are_related_and_the_channel_waits():
    """From the backup server to the client's ports; the channel gets five minutes from every answer on."""
    rules = INSIDE_OUT.replace('iifname "inside" ct state new accept', "udp dport 10080 accept")
    packets = [(0, udp(SERVER, CLIENT, b"REQ")), (1, udp(CLIENT, SERVER, ANSWER)), (200, udp(CLIENT, SERVER, b""))]
    packets += [(150 + k, tcp("192.0.2.1:900", f"10.0.0.1:{port}", "S")) for k, port in enumerate((50001, 50003, 50004))]
    rows = replay(sorted(packets, key=lambda each: each[0]), rules, config=AMANDA).rows
    assert [row.state for row in rows[2:5]] == ["related", "related", "new"]
    assert [round(rows[1].left), round(rows[-1].left)] == [300, 300]


def test_requests_and_cut_off_answers():
    """The server's own packets are not read; of a cut off answer nobody knows what it said."""
    rules = INSIDE_OUT.replace('iifname "inside" ct state new accept', "udp dport 10080 accept")
    stream = (2, tcp("192.0.2.1:900", "10.0.0.1:50001", "S"))
    rows = replay([(0, udp(SERVER, CLIENT, ANSWER)), stream], rules, config=AMANDA).rows
    assert (rows[-1].said, rows[-1].decided) == ("drop", 1)
    rows = replay([(0, udp(SERVER, CLIENT, b"REQ")), (1, udp(CLIENT, SERVER, ANSWER)), stream], rules, config=AMANDA, snaplen=40).rows
    assert (rows[-1].said, rows[-1].decided) == ("drop", 0)
