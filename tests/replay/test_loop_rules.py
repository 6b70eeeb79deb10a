"""What the loop brings to the rules, and takes back: marks of connections, packets that are kept from conntrack, first packets."""

from scenes import replay, tcp, udp

A, B = "10.0.0.1:40000", "192.0.2.1:53"


def table(*chains):
    """An inet table."""
    return "table inet t {\n" + "\n".join(chains) + "\n}\n"


def test_ct_mark_stays_with_the_connection():
    """Set on the first packet, seen on the reply and by nobody else."""
    rules = table(
        "chain c { type filter hook forward priority 0; policy accept;",
        "ct state new udp dport 53 ct mark set 7",
        "ct direction reply ct mark 7 drop",
        "}",
    )
    other = "10.0.0.2:40000"
    rows = replay([(0, udp(A, B)), (1, udp(B, A)), (2, udp(other, "192.0.2.1:54")), (3, udp("192.0.2.1:54", other))], rules).rows
    assert [(row.said, bool(row.decided)) for row in rows] == [("accept", True), ("drop", True), ("accept", True), ("accept", True)]


def test_notrack_keeps_packets_from_conntrack():
    """They are untracked, and belong to no flow."""
    rules = table(
        "chain r { type filter hook prerouting priority raw; policy accept;",
        "udp dport 53 notrack",
        "}",
        "chain c { type filter hook forward priority 0; policy drop;",
        "ct state untracked accept",
        "udp dport 54 accept",
        "}",
    )
    rows = replay([(0, udp(A, B)), (1, udp(A, "192.0.2.1:54"))], rules).rows
    assert [(row.said, row.state, bool(row.flow)) for row in rows] == [("accept", "untracked", False), ("accept", "new", True)]


def test_nat_chains_see_first_packets_only():
    """The first packet is translated behind the hook forward; that its connection is, the others show there."""
    rules = table(
        "chain n { type nat hook postrouting priority srcnat; policy accept;",
        "tcp dport 80 counter masquerade",
        "}",
        "chain c { type filter hook forward priority 0; policy accept;",
        "ct status snat drop",
        "}",
    )
    packets = [(0, tcp(A, "192.0.2.1:80", "S", 1)), (1, tcp("192.0.2.1:80", A, "S.", 9, 2)), (2, tcp(A, "192.0.2.1:80", ".", 2, 10))]
    assert [row.said for row in replay(packets, rules).rows] == ["accept", "drop", "drop"]


def test_connections_are_counted_where_rules_ask():
    """Packets, bytes and their ratio, by direction and in both, this packet included."""
    rules = table(
        "chain c { type filter hook forward priority 0; policy accept;",
        "ct packets 3 ct original packets 2 ct reply packets 1 reject",
        "ct reply bytes 34 ct bytes 63 ct avgpkt 31 drop",
        "}",
    )
    rows = replay([(0, udp(A, B)), (1, udp(B, A, b"answer")), (2, udp(A, B)), (3, udp(A, "192.0.2.1:54"))], rules).rows
    assert [row.said for row in rows] == ["accept", "drop", "reject", "accept"]


def test_time_left_is_known_once_confirmed():
    """In whole milliseconds; nobody knows what Linux makes of a connection that is not confirmed, nor whether it is then."""
    rules = table("chain c { type filter hook forward priority 0; policy accept;", "ct expiration 30s drop", "}")
    rows = replay([(0, udp(A, B)), (1, udp(B, A))], rules).rows
    assert [(row.said, bool(row.decided)) for row in rows] == [("accept", False), ("drop", False)]
    sure = rules.replace("ct expiration", "ct state established ct expiration")
    rows = replay([(0, udp(A, B)), (1, udp(B, A))], sure).rows
    assert [(row.said, bool(row.decided)) for row in rows] == [("accept", True), ("drop", True)]


def test_zone_is_chosen_before_conntrack():
    """The same addresses in two zones are two connections, and a reply in the other zone opens its own."""
    rules = table(
        "chain r { type filter hook prerouting priority raw; policy accept;",
        "udp sport 53 ct zone set 7",
        "}",
        "chain c { type filter hook forward priority 0; policy drop;",
        "ct zone 7 ct state new accept",
        "ct zone 0 ct state new accept",
        "}",
    )
    rows = replay([(0, udp(A, B)), (1, udp(B, A))], rules).rows
    assert [(row.said, row.state) for row in rows] == [("accept", "new"), ("accept", "new")]
