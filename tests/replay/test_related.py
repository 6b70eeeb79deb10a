"""Which connections have helpers, and what becomes of what these announce; FTP stands for all (tests/conntrack/helpers has each)."""

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig

C, S = "10.0.0.1:3000", "192.0.2.1:21"
BY_RULE = """table {family} t {{
    ct helper f {{ type "ftp" protocol {proto}; {l3} }}
    chain h {{ type filter hook {hook} priority {priority}; {match} ct helper set "f" }}
    chain c {{ type filter hook forward priority 0; policy drop; ct state established,related accept
        iifname "inside" ct state new accept }} }}"""


def ftp_session(server=S):
    """A control channel that announces port 5001 of the client."""
    talk = Talk(C, server).open().answers("220 ready\r\n").says("USER a\r\n").answers("331 pw\r\n")
    return talk.says("PORT 10,0,0,1,19,137\r\n")


def state(rules=INSIDE_OUT, config=None, server=S):
    """ct state of the data connection."""
    talk = ftp_session(server)
    source = server.rpartition(":")[0]
    run = replay([*talk.packets, (9, tcp(f"{source}:20", "10.0.0.1:5001", "S"))], rules, config=config or ConntrackConfig())
    return run.rows[-1].state


def ruled(**more):
    """The ruleset with a helper that a rule assigns."""
    facts = {"family": "inet", "proto": "tcp", "l3": "", "hook": "prerouting", "priority": "0", "match": "tcp dport 21"}
    return BY_RULE.format(**{**facts, **more})


def test_without_helper():
    """Since Linux 6.0 nobody reads what no rule has a helper read."""
    assert state() == "new"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "related"),
        ({"hook": "forward", "priority": "-1"}, "related"),
        ({"match": ""}, "related"),
        ({"family": "ip"}, "related"),
        ({"l3": "l3proto ip;"}, "related"),
        # The connection does not exist yet, or is another protocol's, or another IP version's.
        ({"priority": "-300"}, "new"),
        ({"proto": "udp"}, "new"),
        ({"l3": "l3proto ip6;"}, "new"),
        ({"match": "tcp dport 2121"}, "new"),
        # Confirmed connections get none.
        ({"match": "ct state established"}, "new"),
    ],
)
def test_helper_by_rule(more, expected):
    """``ct helper set`` works on a new connection, behind conntrack, where protocol and version fit."""
    assert state(ruled(**more)) == expected


@pytest.mark.parametrize(
    ("options", "server", "expected"),
    [
        ({"helper": 1}, S, "related"),
        ({"helper": 1}, "192.0.2.1:2121", "new"),
        ({"helper_ports": (("ftp", 2121),)}, "192.0.2.1:2121", "related"),
        ({"helper_ports": (("ftp", 2121),)}, S, "new"),
    ],
)
def test_helper_by_port(options, server, expected):
    """``--helpers auto`` and ``--helper ftp=2121``."""
    assert state(config=ConntrackConfig(**options), server=server) == expected


def test_expected_connection_has_its_announcers_name_and_no_helper():
    """It is nobody's master; one that the rules give a helper is."""
    talk = ftp_session()
    packets = [*talk.packets, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]
    run = replay(packets, config=ConntrackConfig(helper_ports=(("ftp", 21), ("ftp", 5001))))
    assert run.rows[-1].status == ["expected", "confirmed", "helper"]
    run = replay(packets, config=ConntrackConfig(helper=1, helper_ports=()))
    assert run.rows[-1].status == ["expected", "confirmed"]


def test_mark_is_inherited():
    """As Linux does: the child begins with its master's mark."""
    rules = (
        ruled()
        + """
table inet m { chain c { type filter hook prerouting priority 1; tcp dport 21 ct mark set 7
    ct mark 7 tcp dport 5001 counter drop } }"""
    )
    talk = ftp_session()
    run = replay([*talk.packets, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))], rules)
    assert (run.rows[-1].state, run.rows[-1].said) == ("related", "drop")


def test_observed_mode_reads_what_the_rules_drop():
    """The command did pass."""
    talk = ftp_session()
    rules = "table inet t { chain c { type filter hook forward priority 0; policy drop; } }"
    packets = [*talk.packets, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]
    run = replay(packets, rules, config=ConntrackConfig(helper=1), mode="observed")
    assert (run.rows[-1].state, run.rows[-1].said) == ("related", "drop")


def test_too_many_expectations_are_named():
    """As many as nf_conntrack_expect_max; whoever announces more is dropped, and told why."""
    packets, config = [], ConntrackConfig(helper=1, expect_max=2)
    for number in range(4):
        talk = Talk(f"10.0.0.{number + 1}:3000", S, at=number).open().answers("220 ready\r\n").says("USER a\r\n").answers("331 pw\r\n")
        packets += talk.says(f"PORT 10,0,0,{number + 1},19,137\r\n").packets
    rows = replay(packets, config=config).rows
    assert ["expect-limit" in row.anomalies for row in rows if row.why == "helper"] == [True, True]


def test_same_results_in_any_batches():
    """A frame at a time equals all at once."""
    talk = ftp_session()
    packets = [*talk.packets, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S")), (10, udp("10.0.0.1:1", "192.0.2.1:2"))]
    once, singly = (replay(packets, config=ConntrackConfig(helper=1), rows=rows) for rows in (4096, 1))
    assert [vars(row) | {"row": 0} for row in once.rows] == [vars(row) | {"row": 0} for row in singly.rows]


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ('ct helper "ftp"', "accept"),
        ('ct helper "sip"', "drop"),
        ('ct helper != "sip"', "accept"),
        ('ct helper { "tftp", "ftp" }', "accept"),
    ],
)
def test_rules_ask_who_announced_a_connection(match, said):
    """As Linux has it: the name is that of the master's helper; the control channel itself, not being announced, has none."""
    rules = f"""table inet t {{ chain c {{ type filter hook forward priority 0; policy drop; tcp dport 21 {match} drop
        ct state established accept; iifname "inside" ct state new accept; {match} accept }} }}"""
    talk = ftp_session()
    later = [(9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S")), (10, tcp("192.0.2.9:20", "10.0.0.1:5001", "S"))]
    rows = replay([*talk.packets, *later], rules, config=ConntrackConfig(helper=1)).rows
    assert [row.said for row in rows[-2:]] == [said, "drop"]
    assert rows[0].said == "accept"


def test_announced_connection_with_a_helper_of_its_own():
    """The name is still that of the announcer."""
    rules = """table inet t { chain c { type filter hook forward priority 0; policy drop; ct state established accept
        iifname "inside" ct state new accept; ct helper "ftp" accept } }"""
    talk = ftp_session()
    config = ConntrackConfig(helper_ports=(("ftp", 21), ("irc", 5001)))
    row = replay([*talk.packets, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))], rules, config=config).rows[-1]
    assert (row.said, row.status) == ("accept", ["expected", "confirmed", "helper"])
