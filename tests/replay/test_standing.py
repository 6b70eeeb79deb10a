"""Rules that count connections, over the engine's own table."""

from __future__ import annotations

from scenes import icmp, replay, tcp, udp

from pcapaudit.core import consts

SERVER = "192.0.2.1:80"
INSIDE, OUTSIDE = "10.0.0.1", "10.0.0.2"


def rules(*lines):
    """A forward chain that accepts the rest."""
    return "table inet t {\nchain c { type filter hook forward priority 0; policy accept;\n" + "\n".join(lines) + "\n}\n}\n"


def opened(port, at=0.0):
    """A TCP connection is made."""
    client = f"{INSIDE}:{port}"
    yield at, tcp(client, SERVER, "S", 1)
    yield at + 0.01, tcp(SERVER, client, "S.", 9, 2)
    yield at + 0.02, tcp(client, SERVER, ".", 2, 10)


def said(packets, text):
    """The verdicts."""
    return [row.said for row in replay(packets, text).rows]


def test_open_connections_count_and_reset_ones_do_not():
    """A third is refused while two stand; the second is reset, and there is room."""
    packets = [*opened(1), *opened(2, 1), (2, tcp(f"{INSIDE}:3", SERVER, "S", 1)), (3, tcp(f"{INSIDE}:2", SERVER, "R", 2, 10))]
    packets.append((4, tcp(f"{INSIDE}:4", SERVER, "S", 1)))
    found = said(packets, rules("tcp flags syn / syn,ack ct count over 2 drop"))
    assert found == ["accept"] * 6 + ["drop", "accept", "accept"]


def test_connections_that_timed_out_do_not_count():
    """UDP is over after 30 s."""
    packets = [(at, udp(f"{INSIDE}:{port}", "192.0.2.1:53")) for at, port in ((0, 1), (1, 2), (32, 3))]
    assert said(packets, rules("ct count over 1 drop")) == ["accept", "drop", "accept"]


def test_elements_of_a_set_count_apart():
    """One each."""
    text = (
        "table inet t {\nset s { type ipv4_addr; flags dynamic; }\n"
        + rules("add @s { ip saddr ct count over 1 } drop")[len("table inet t {\n") :]
    )
    packets = [(at, udp(f"{host}:{at + 1}", "192.0.2.1:53")) for at, host in enumerate((INSIDE, INSIDE, OUTSIDE, OUTSIDE))]
    assert said(packets, text) == ["accept", "drop", "accept", "drop"]


def test_connlimit_drops_the_last_packets_of_the_only_connection():
    """Its list is empty once the connection is in TIME_WAIT."""
    text = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.0.0.0/8 -m connlimit --connlimit-above 3 -j ACCEPT\nCOMMIT\n"
    client = f"{INSIDE}:1"
    packets = [
        *opened(1),
        (1, tcp(client, SERVER, "F.", 2, 10)),
        (1.1, tcp(SERVER, client, "F.", 10, 3)),
        (1.2, tcp(client, SERVER, ".", 3, 11)),
    ]
    assert said(packets, text) == ["accept"] * 5 + ["drop"]


def test_packets_without_a_connection_count_by_their_own_tuple():
    """An untracked one is found by the connection that has its tuple, else it is a new one each time it was struck off."""
    text = """table inet t {
    chain r { type filter hook prerouting priority raw; udp dport 54 notrack; }
    chain c { type filter hook forward priority 0; policy accept; udp dport { 53, 54 } ct count over 1 drop; }
    }"""
    packets = [(0, udp(f"{INSIDE}:1", "192.0.2.1:54")), (1, udp(f"{INSIDE}:2", "192.0.2.1:54")), (2, udp(f"{INSIDE}:3", "192.0.2.1:53"))]
    assert said(packets, text) == ["accept", "accept", "accept"]


def test_icmp_counts_by_its_identifier():
    """An echo exchange is one connection. Its answer finds itself first, so that nobody looks whether the refused one still stands."""
    packets = [
        (0, icmp(INSIDE, "192.0.2.1", 8, ident=1)),
        (1, icmp(INSIDE, "192.0.2.1", 8, ident=2)),
        (2, icmp("192.0.2.1", INSIDE, 0, ident=1)),
    ]
    assert said(packets, rules("ct count over 1 drop")) == ["accept", "drop", "drop"]


def test_connections_in_doubt_make_the_count_unknown():
    """The packet that opened one was undecidable."""
    text = rules("meta skuid 1 udp dport 1 drop", "udp dport 53 ct count over 1 reject")
    packets = [(0, udp(f"{INSIDE}:1", "192.0.2.1:1")), (1, udp(f"{INSIDE}:2", "192.0.2.1:53")), (2, udp(f"{INSIDE}:3", "192.0.2.1:53"))]
    rows = replay(packets, text.replace("udp dport 53 ct", "ct")).rows
    assert [bool(row.decided) for row in rows] == [False, False, False]
    assert rows[0].verdict == consts.VERDICT_ACCEPT
