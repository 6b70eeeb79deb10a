"""Translated connections from the first packet on: what rules see, which frames belong together, what stays unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from control_channels import Talk
from scenes import icmp, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.topology import Topology

LAN, SERVER, WAN = "10.0.0.9:4000", "198.51.100.7:53", "203.0.113.1:4000"
CLIENT, PUBLIC, WEB = "198.51.100.9:5555", "203.0.113.1:8080", "10.0.0.5:80"
ZONES = ["lan=lan:10.0.0.0/8", "wan=wan:any"]
OWN = ["203.0.113.1", "10.0.0.1"]

RULES = """
table ip nat {
    chain pre { type nat hook prerouting priority dstnat; iifname "wan" tcp dport 8080 dnat to 10.0.0.5:80; }
    chain post { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
}
table ip filter {
    chain forward { type filter hook forward priority 0; policy drop;
        ct status dnat ip daddr 10.0.0.5 tcp dport 80 ct original ip daddr 203.0.113.1 ct original proto-dst 8080 accept comment "web"
        ct state established,related accept comment "known"
        iifname "lan" oifname "wan" accept comment "out"
    }
    chain input { type filter hook input priority 0; policy drop; }
}"""


def run(packets, rules=RULES, own=OWN, **more):
    """Replay with the zones lan and wan."""
    return replay(packets, rules, topology=Topology.from_options(zone=ZONES, own=own), **more)


def said(rows):
    """Verdict, state and direction of each packet."""
    return [(row.said, row.state, row.way) for row in rows]


OUT = [("accept", "new", "original"), ("accept", "established", "reply"), ("accept", "established", "original")]


def test_source_nat_seen_before_it():
    """A capture inside shows the original tuple both ways."""
    rows = run([(0, udp(LAN, SERVER)), (0.1, udp(SERVER, LAN)), (0.2, udp(LAN, SERVER))]).rows
    assert said(rows) == OUT
    assert all({"src_nat", "src_nat_done", "dst_nat_done"} <= set(row.status) for row in rows)


def test_source_nat_seen_as_packets_come_in():
    """Requests inside, replies outside: what the kernel itself sees."""
    assert said(run([(0, udp(LAN, SERVER)), (0.1, udp(SERVER, WAN)), (0.2, udp(LAN, SERVER))]).rows) == OUT


BOTH = [
    (0, udp(LAN, SERVER)),
    (0.001, udp(WAN, SERVER)),
    (0.1, udp(SERVER, WAN)),
    (0.1001, udp(SERVER, LAN)),
    (0.2, udp(LAN, SERVER)),
    (0.2001, udp(WAN, SERVER)),
]


@pytest.mark.parametrize("own", [OWN, []], ids=["address-known", "address-found"])
def test_source_nat_seen_on_both_sides(own):
    """One connection, each packet once; the address that masquerade picks is known, or found in the second frame."""
    result = run(BOTH, own=own)
    assert said(result.rows[::2]) == OUT
    assert [(row.said, row.why, row.flow) for row in result.rows[1::2]] == [("skip", "seen-translated", 1)] * 3
    assert [flow["packets"].tolist() for flow in result.flows] == [[2, 1]]


def test_random_port_is_found_where_it_is_shown():
    """A packet with the same bytes and the right destination, just after it; not one with other bytes."""
    rules = RULES.replace("masquerade", "masquerade random")
    stranger, twin = udp("203.0.113.1:777", SERVER, b"other"), udp("203.0.113.1:60001", SERVER)
    packets = [
        (0, udp(LAN, SERVER)),
        (0.0001, stranger),
        (0.001, twin),
        (0.1, udp(SERVER, "203.0.113.1:60001")),
        (0.1001, udp(SERVER, LAN)),
    ]
    rows = run(packets, rules).rows
    assert [row.flow for row in rows] == [1, 2, 1, 1, 1]
    assert [row.why for row in rows][2:] == ["seen-translated", "", "seen-translated"]


def test_twin_that_comes_late_is_another_connection():
    """A second later nobody would take it for the same packet."""
    rules = RULES.replace("masquerade", "masquerade random")
    rows = run([(0, udp(LAN, SERVER)), (1.5, udp("203.0.113.1:60001", SERVER))], rules).rows
    assert [row.flow for row in rows] == [1, 2]


def test_destination_nat_goes_where_it_is_translated_to():
    """To an own address it would be input; behind NAT it is forwarded, and rules see the server."""
    for reply in (tcp(PUBLIC, CLIENT, "S.", 9, 2), tcp(WEB, CLIENT, "S.", 9, 2)):
        rows = run([(0, tcp(CLIENT, PUBLIC, "S", 1)), (0.1, reply), (0.2, tcp(CLIENT, PUBLIC, ".", 2, 10))]).rows
        assert said(rows) == OUT
        assert [row.rule for row in rows] == [3, 4, 3]
        assert [row.hook for row in rows] == [4, 4, 4]
        assert all("dst_nat" in row.status for row in rows)


def test_address_without_nat_stays_input():
    """Another port of the same address."""
    rows = run([(0, tcp(CLIENT, "203.0.113.1:22", "S", 1))]).rows
    assert [(row.said, row.hook, row.decided) for row in rows] == [("drop", 1, 1)]


def test_redirect_goes_to_the_firewall():
    """Whatever its address is."""
    rules = """table ip t { chain n { type nat hook prerouting priority -100; tcp dport 80 redirect to :3128; }
        chain i { type filter hook input priority 0; policy drop; tcp dport 3128 ct original proto-dst 80 accept; }
        chain f { type filter hook forward priority 0; policy drop; } }"""
    rows = run([(0, tcp(LAN, "198.51.100.7:80", "S", 1)), (0.1, tcp("198.51.100.7:80", LAN, "S.", 1, 2))], rules, own=[]).rows
    assert rows[0].said == "accept"
    assert rows[1].state == "established"


def test_local_output_is_routed_by_its_translation():
    """The chain output sees the translated destination behind priority -100, and the output interface is the server's."""
    rules = """table ip t { chain n { type nat hook output priority -100; tcp dport 80 dnat to 10.0.0.5; }
        chain o { type filter hook output priority 0; policy drop; oifname "lan" ip daddr 10.0.0.5 accept; } }"""
    assert run([(0, tcp("203.0.113.1:4000", "198.51.100.7:80", "S", 1))], rules).rows[0].said == "accept"


def test_chance_leaves_the_reply_tuple_unknown():
    """Only what asks for it is undecidable."""
    ask = "chain last { type filter hook postrouting priority 300; meta l4proto udp ct reply proto-dst 4000 drop; }\n chain post"
    rules = RULES.replace("chain post", ask, 1).replace("masquerade", "masquerade random")
    rows = run([(0, udp(LAN, SERVER)), (0.1, udp(SERVER, LAN))], rules).rows
    assert [(row.said, row.decided) for row in rows] == [("accept", 0), ("accept", 0)]
    assert run([(0, udp(LAN, SERVER))], RULES.replace("masquerade", "masquerade random")).rows[0].decided


def test_unknown_interface_leaves_the_destination_unknown():
    """The cause is the NAT rule; a packet that goes the same way translated or not is decided."""
    rules = """table ip t {
        chain n { type nat hook prerouting priority -100; iifname "ppp0" tcp dport 8080 dnat to 10.0.0.5:80; }
        chain f { type filter hook forward priority 0; policy drop; VERDICT }
        chain i { type filter hook input priority 0; policy drop; } }"""
    packets = [(0, tcp(CLIENT, PUBLIC, "S", 1))]
    # Without zones, the interfaces have no names that rules could know.
    asking = replay(packets, rules.replace("VERDICT", "ip daddr 10.0.0.5 accept")).rows[0]
    assert (asking.said, asking.decided, asking.cause) == ("drop", 0, 1)
    assert replay(packets, rules.replace("VERDICT", "")).rows[0].decided


def test_clashing_tuples_are_dropped_as_by_the_kernel():
    """One port for everybody: the second connection to the same server cannot be confirmed."""
    rules = """table ip t { chain n { type nat hook postrouting priority 100; snat to 203.0.113.1:53; }
        chain f { type filter hook forward priority 0; policy accept; } }"""
    rows = run([(0, udp(LAN, SERVER)), (1, udp("10.0.0.10:4000", SERVER)), (2, udp("10.0.0.10:4000", "198.51.100.8:53"))], rules).rows
    assert [(row.said, row.why) for row in rows] == [("accept", ""), ("drop", "clash"), ("accept", "")]


def test_translation_ends_with_its_connection():
    """Its tuple is free for others then, and a late reply belongs to nobody."""
    packets = [(0, udp(LAN, SERVER)), (31, udp(SERVER, WAN)), (32, udp(LAN, SERVER)), (32.1, udp(SERVER, WAN))]
    assert [row.state for row in run(packets).rows] == ["new", "new", "new", "established"]


def test_errors_about_translated_packets():
    """They are RELATED whichever tuple they quote, and seen once."""
    inside = icmp("198.51.100.7", "10.0.0.9", 3, 3, data=udp(LAN, SERVER)[:28])
    outside = icmp("198.51.100.7", "203.0.113.1", 3, 3, data=udp(WAN, SERVER)[:28])
    assert [row.state for row in run([(0, udp(LAN, SERVER)), (0.1, inside)]).rows] == ["new", "related"]
    rows = run([*BOTH[:2], (0.1, outside), (0.1001, inside)]).rows
    assert [(row.said, row.state) for row in rows[2:]] == [("accept", "related"), ("skip", "")]


def test_hole_punch_through_translation():
    """Both peers knock; the far one's knocks come in only after the near one's went out, and by its translated tuple."""
    peer = "198.51.100.77:6000"
    packets = [(0, udp(peer, WAN)), (1, udp(LAN, peer)), (1.001, udp(WAN, peer)), (2, udp(peer, WAN)), (2.001, udp(peer, LAN))]
    rows = run(packets).rows
    assert [(row.said, row.state) for row in rows] == [
        ("drop", "new"),
        ("accept", "new"),
        ("skip", ""),
        ("accept", "established"),
        ("skip", ""),
    ]


def test_no_nat_no_change():
    """Without nat chains no bit says that NAT is done, and replies have the inverse tuple alone."""
    rules = "table ip t { chain f { type filter hook forward priority 0; policy accept; } }"
    rows = run([(0, udp(LAN, SERVER)), (0.1, udp(SERVER, LAN)), (0.2, udp(SERVER, WAN))], rules).rows
    assert rows[1].status == ["seen_reply", "confirmed"]
    assert rows[2].state == "new"


def test_bad_zone_is_refused():
    """The zones that the tests use are checked, too."""
    with pytest.raises(ConfigError):
        Topology.from_options(zone=["lan:10.0.0.0/8"])


def test_capture_behind_the_translation():
    """What came in is unknown; replies are matched by what is shown, and only what asks for the hidden part is undecidable."""
    topology = replace(Topology.from_options(zone=ZONES, own=OWN), captured="wan")
    packets = [(0, udp(WAN, SERVER)), (0.1, udp(SERVER, WAN)), (0.2, udp("198.51.100.8:53", WAN))]
    rows = replay(packets, RULES, topology=topology, mode="observed").rows
    assert [(row.state, row.way) for row in rows] == [("new", "original"), ("established", "reply"), ("new", "original")]
    assert (rows[0].decided, rows[1].said) == (0, "accept")
    anybody = RULES.replace('iifname "lan" oifname "wan" accept', 'oifname "wan" accept').replace(
        "chain input", "chain output { type filter hook output priority 0; policy accept; }\n chain input"
    )
    rows = replay(packets, anybody, topology=topology).rows
    assert [(row.said, row.decided) for row in rows][::2] == [("accept", 1), ("drop", 1)]
    assert rows[1].said == "accept"


# What translated connections announce --------------------------------------------------------------------------------------------------

FTP = ConntrackConfig().with_helper("ftp")
FAR, DATA = "198.51.100.7:21", "198.51.100.7:20"
FTP_RULES = RULES.replace("tcp dport 8080 dnat to 10.0.0.5:80", "tcp dport 21 dnat to 10.0.0.5").replace(
    "ct status dnat ip daddr 10.0.0.5 tcp dport 80 ct original ip daddr 203.0.113.1 ct original proto-dst 8080 accept",
    "ct state new ct status dnat tcp dport 21 accept",
)


def ftp(near, far, *said, shown=None):
    """A control channel as one side of the firewall shows it; ``shown``: both ends again, as the other side shows each packet."""
    talk = Talk(near, far).open().answers("220 x\r\n").says("USER a\r\n").answers("331 x\r\n")
    for side, line in said:
        talk.send(side, line.encode())
    if shown is None:
        return talk.packets
    again = Talk(*shown).open().answers("220 x\r\n").says("USER a\r\n").answers("331 x\r\n")
    for side, line in said:
        again.send(side, line.replace("10,0,0,9", "203,0,113,1").encode())
    # Each packet is seen where it comes in, a moment later where it goes out.
    ways = [bool(packet[12:16] == talk.packets[0][1][12:16]) for _, packet in talk.packets]
    return [
        (at + late, packet)
        for (at, one), (_, other), out in zip(talk.packets, again.packets, ways, strict=True)
        for late, packet in ((0, one if out else other), (0.0002, other if out else one))
    ]


def announced(packets, *then, own=OWN):
    """State, verdict, parent and path of what comes after a control channel."""
    rows = run([*packets, *((5 + k, each) for k, each in enumerate(then))], FTP_RULES, own, config=FTP).rows[len(packets) :]
    return [(row.said, row.state, row.parent) for row in rows]


RELATED = ("accept", "related", 1)


@pytest.mark.parametrize("own", [OWN, []], ids=["address-known", "address-unknown"])
def test_active_ftp_behind_source_nat_seen_inside(own):
    """The data connection is shown as the firewall sends it on."""
    talk = ftp(LAN, FAR, (0, "PORT 10,0,0,9,19,137\r\n"))
    assert announced(talk, tcp(DATA, "10.0.0.9:5001", "S"), own=own) == [RELATED]


def test_active_ftp_behind_source_nat_as_packets_come_in():
    """The data connection comes to the translated address, and is sent on inside, not to the firewall itself."""
    inside = ftp(LAN, FAR, (0, "PORT 10,0,0,9,19,137\r\n"))
    outside = ftp(WAN, FAR, (0, "PORT 203,0,113,1,19,137\r\n"))
    source = inside[0][1][12:16]
    mixed = [one if one[1][12:16] == source else other for one, other in zip(inside, outside, strict=True)]
    came = announced(mixed, tcp(DATA, "203.0.113.1:5001", "S"), tcp("10.0.0.9:5001", DATA, "S.", 0, 1))
    assert came == [RELATED, ("accept", "established", 1)]


def test_active_ftp_behind_source_nat_seen_on_both_sides():
    """Once each; the rewritten command is the same packet."""
    talk = ftp(LAN, FAR, (0, "PORT 10,0,0,9,19,137\r\n"), shown=(WAN, FAR))
    rows = run([*talk, (5, tcp(DATA, "203.0.113.1:5001", "S")), (5.0002, tcp(DATA, "10.0.0.9:5001", "S"))], FTP_RULES, config=FTP).rows
    assert [(row.said, row.state, row.parent) for row in rows[-2:-1]] == [RELATED]
    assert [(row.said, row.why) for row in rows[-1:]] == [("skip", "seen-translated")]
    assert {"dst_nat"} <= set(rows[-2].status)


@pytest.mark.parametrize("line", ["227 ok (203,0,113,1,156,64)\r\n", "229 ok (|||40000|)\r\n"])
def test_passive_ftp_behind_destination_nat_seen_outside(line):
    """The answer is shown rewritten; who connects as it says is sent on to the server, although no rule translates that port."""
    talk = ftp("198.51.100.9:5555", "203.0.113.1:21", (0, "PASV\r\n"), (1, line))
    came = announced(talk, tcp("198.51.100.9:5556", "203.0.113.1:40000", "S"), tcp("198.51.100.9:5557", "203.0.113.1:40001", "S"))
    assert came == [RELATED, ("drop", "new", 0)]


def test_passive_ftp_behind_destination_nat_as_packets_come_in():
    """The server's own words name the address that it has."""
    there = ftp("198.51.100.9:5555", "203.0.113.1:21", (0, "PASV\r\n"), (1, "227 ok (10,0,0,5,156,64)\r\n"))
    back = ftp("198.51.100.9:5555", "10.0.0.5:21", (0, "PASV\r\n"), (1, "227 ok (10,0,0,5,156,64)\r\n"))
    source = there[0][1][12:16]
    mixed = [one if one[1][12:16] == source else other for one, other in zip(there, back, strict=True)]
    assert announced(mixed, tcp("198.51.100.9:5556", "203.0.113.1:40000", "S")) == [RELATED]


def test_what_is_announced_meets_no_nat_chain():
    """A data connection out keeps the address of its control channel, whatever the rules say of its own port."""
    rules = FTP_RULES.replace('oifname "wan" masquerade', "tcp dport 40000 snat to 203.0.113.99; oifname wan masquerade")
    talk = ftp(LAN, FAR, (0, "PASV\r\n"), (1, "227 ok (198,51,100,7,156,64)\r\n"))
    packets = [*talk, (5, tcp("10.0.0.9:4001", "198.51.100.7:40000", "S")), (6, tcp("198.51.100.7:40000", "203.0.113.1:4001", "S.", 0, 1))]
    rows = run(packets, rules, config=FTP).rows[-2:]
    assert [(row.said, row.state) for row in rows] == [("accept", "related"), ("accept", "established")]


def test_port_that_is_expected_already_is_undecidable():
    """The kernel announces another one then, and drops nothing: whatever begins between the two may be it."""
    config = ConntrackConfig().with_helper("amanda")
    rules = FTP_RULES.replace("tcp dport 21 dnat", "udp dport 10080 dnat").replace("tcp dport 21 accept", "udp dport 10080 accept")
    answer = b"CONNECT DATA 5001 MESG 5002\nOPTIONS\n"
    packets = []
    for number in range(2):
        client = f"198.51.100.9:{700 + number}"
        packets += [(number, udp(client, "203.0.113.1:10080", b"REQ")), (number + 0.1, udp("203.0.113.1:10080", client, answer))]
    rows = run([*packets, (3, tcp("198.51.100.9:9", "203.0.113.1:5009", "S"))], rules, config=config).rows
    assert [(row.said, row.state) for row in rows[1::2]] == [("accept", "established")] * 2
    assert rows[-1].decided == 0


SHARED = """table ip t { chain d { type nat hook prerouting priority -100; ip daddr 203.0.113.2 dnat to 10.0.0.5; }
    chain f { type filter hook forward priority 0; policy accept; } }"""


def test_source_port_is_changed_where_a_translated_tuple_is_in_use():
    """Not by a rule: Linux finds another one by chance. What held the tuple may have timed out."""
    server, client, public = "10.0.0.5:80", "198.51.100.7:4000", "203.0.113.2:80"
    for late, statuses in ((1, {"src_nat", "dst_nat"}), (31, {"dst_nat"})):
        rows = run([(0, udp(server, client)), (late, udp(client, public))], SHARED).rows
        assert (rows[1].said, rows[1].state, set(rows[1].status) & {"src_nat", "dst_nat"}) == ("accept", "new", statuses)


POOL = """table ip t { chain p { type nat hook postrouting priority 100; oifname "wan" snat to 203.0.113.1-203.0.113.250; }
    chain f { type filter hook forward priority 0; policy drop; iifname "lan" accept; ct state established accept; } }"""


def test_a_source_gets_the_same_address_again():
    """A hash of both addresses would pick others: a host behind the NAT keeps its address and port towards everybody, while it talks."""
    servers = [f"198.51.100.{number}:53" for number in (7, 8, 9)]
    addresses = [f"203.0.113.{number}:4000" for number in range(1, 251)]

    def seen_by(late):
        begun = [(late * place, udp(LAN, server)) for place, server in enumerate(servers)]
        answers = [(2 * late + 0.1, udp(server, address)) for server in servers for address in addresses]
        rows = run([*begun, *answers], POOL).rows[len(servers) :]
        return [place % len(addresses) for place, row in enumerate(rows) if row.state == "established"]

    assert len(set(seen_by(0.1))) == 1
    assert len(seen_by(0.1)) == len(servers)
    # After their time-out nothing is left of the earlier ones, and the hash decides.
    rows = run([(0, udp(LAN, servers[2])), *((0.1, udp(servers[2], address)) for address in addresses)], POOL).rows[1:]
    assert seen_by(31) == [place for place, row in enumerate(rows) if row.state == "established"]


def test_what_another_source_has_got_is_its_own():
    """A row of the table is used again once its connection has timed out; by whom says nothing about the one before."""
    addresses = [f"203.0.113.{number}:4000" for number in range(1, 251)]
    others = [(31 + number / 100, udp(f"10.0.0.{10 + number}:4000", SERVER)) for number in range(20)]
    # The table is swept once in so many packets.
    others = [*[(31, udp("10.0.0.200:1", "198.51.100.99:9"))] * 100, *others]
    tail = [(32, udp(LAN, "198.51.100.9:53")), *((32.1, udp("198.51.100.9:53", address)) for address in addresses)]
    got = [
        [row.state for row in run([*before, *tail], POOL).rows[-len(addresses) :]].index("established")
        for before in ([], [(0, udp(LAN, SERVER)), *others])
    ]
    assert got[0] == got[1]


@pytest.mark.parametrize(("size", "said"), [(20 + 4, "drop"), (20 + 7, "drop"), (20 + 8, "accept")])
def test_icmp_error_that_quotes_too_little_to_be_translated(size, said):
    """Ports alone tell the connection, but NAT needs eight bytes."""
    client, public = "198.51.100.7:4000", "203.0.113.2:80"
    error = icmp("198.51.100.7", "203.0.113.2", 3, 3, ident=0, data=udp(public, client)[:size])
    row = run([(0, udp(client, public)), (1, udp("10.0.0.5:80", client)), (2, error)], SHARED).rows[2]
    assert (row.said, row.state, row.why) == (said, "related", "icmp-quote-short" if said == "drop" else "")
