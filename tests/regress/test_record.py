"""A comparison as a plain value."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from comparing import CLIENT, SERVER, WEB_ONLY, conversation, difference
from scenes import ACCEPT_ALL, DROP_ALL, INSIDE_OUT, START_NS, icmp, udp

from pcapaudit.regress.changes import Kind
from pcapaudit.regress.ledger import Ledger
from pcapaudit.regress.record import DEFAULT_ALLOWED, SideInfo, fails, record_of
from pcapaudit.replay.topology import Topology

TOPOLOGY = Topology.from_options(local=["10.0.0.0/8", "fd00::/8"])
SIDES = SideInfo("ruleset", "old.nft"), SideInfo("ruleset", "new.nft", ("icmp=1s",))


def record(packets, old, new, *, allowed=DEFAULT_ALLOWED, topology=TOPOLOGY, **options):
    """The record of a comparison."""
    stream = SimpleNamespace(files=[SimpleNamespace(path="a.pcap")], warnings=["cut off"])
    made = record_of(difference(packets, old, new, **options), stream, SIDES, allowed, topology)
    assert json.loads(json.dumps(made)) == made
    return made


def test_blocked_connection():
    """Everything about one change."""
    made = record(conversation(), INSIDE_OUT, WEB_ONLY)
    assert made["capture"] == {
        "files": ["a.pcap"],
        "frames": 8,
        "first_ns": START_NS,
        "last_ns": START_NS + 700_000_000,
        "warnings": ["cut off"],
    }
    assert made["new"] == {"kind": "ruleset", "path": "new.nft", "settings": ["icmp=1s"]}
    assert (made["failed"], made["allowed"], made["flows_changed"]) == (True, ["other-rule"], 1)
    assert made["packets"]["by_kind"] == {"newly-blocked": 8, "newly-allowed": 0, "reason-changed": 0, "other-rule": 0}
    (change,) = made["changes"]
    assert change["old"] == {
        "verdict": "accept",
        "reason": None,
        "ct_state": None,
        "at": "test.nft:3",
        "chain": "inet t c",
        "text": 'meta iifname "inside" ct state new accept',
    }
    assert (change["new"]["at"], change["new"]["text"]) == ("test.nft:1", "policy drop")
    assert (change["packets"], change["consequences"], change["flows"], change["flows_whole"], change["flows_part"]) == (8, 7, 1, 1, 0)
    assert (change["protocols"], change["ways"]) == ({"tcp": 8}, {"inside → outside": 4, "outside → inside": 4})
    assert change["examples"] == [
        {
            "frame": 1,
            "ts_ns": START_NS,
            "proto": "tcp",
            "src": "10.0.0.1",
            "sport": 40000,
            "dst": "192.0.2.1",
            "dport": 443,
            "icmp_type": None,
            "icmp_code": None,
            "old_flow": 1,
            "new_flow": 1,
        }
    ]


def test_nothing_read():
    """No times."""
    made = record([], ACCEPT_ALL, DROP_ALL)
    assert (made["capture"]["first_ns"], made["capture"]["last_ns"], made["failed"], made["changes"]) == (None, None, False, [])


def test_icmp_and_no_zones():
    """Type and code; no ways where nobody placed the packets."""
    made = record([(0, icmp("10.0.0.1", "192.0.2.1", 8))], ACCEPT_ALL, DROP_ALL, topology=None)
    (change,) = made["changes"]
    assert (change["ways"], made["networks"], made["networks_assumed"], made["place"]) == ({}, {}, False, None)
    assert (change["examples"][0]["icmp_type"], change["examples"][0]["sport"]) == (8, None)


def test_limits_are_told():
    """And what is beyond them has no sides."""
    packets = [(0, udp(CLIENT, SERVER)), (1, icmp("10.0.0.1", "192.0.2.1", 8))]
    old = ACCEPT_ALL.replace("policy accept;", "policy accept; ip protocol icmp accept")
    made = record(packets, old, DROP_ALL, ledger=Ledger(max_changes=1, max_flows=1))
    assert [text.split(" ")[0] for text in made["limits"]] == ["1", "1"]
    assert [each["old"] is None for each in made["changes"]] == [False, True]


@pytest.mark.parametrize(
    ("new", "allowed", "failed"),
    [
        (DROP_ALL, (), True),
        (DROP_ALL, (Kind.NEWLY_ALLOWED,), True),
        (DROP_ALL, (Kind.NEWLY_BLOCKED,), False),
        (ACCEPT_ALL.replace("policy accept;", "policy accept; accept"), (Kind.OTHER_RULE,), False),
        (ACCEPT_ALL.replace("policy accept;", "policy accept; accept"), (), True),
        (ACCEPT_ALL, (), False),
    ],
)
def test_failure(new, allowed, failed):
    """What is allowed does not fail."""
    assert fails(difference(conversation(), ACCEPT_ALL, new), allowed) is failed


def test_place_that_the_first_frames_told():
    """With its evidence."""
    made = record(conversation(), INSIDE_OUT, WEB_ONLY, topology=replace(TOPOLOGY, place="host", evidence="one MAC"))
    assert made["place"] == {"is": "host", "evidence": "one MAC"}
