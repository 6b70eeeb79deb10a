"""The TOML of a policy file: strict, and with places."""

from __future__ import annotations

import pytest

from pcapaudit.rules.kinds import looks_like_policy
from pcapaudit.rules.policy.reader import Policy, PolicyReader, PolicyRule, PolicyZone

GOOD = """# a remark
default = "reject"
stateful = false
drop-invalid = false
log-denied = true

[firewall]
addresses = ["192.168.10.1/24"]

[zones.lan]
interface = "eth1"
networks = ["192.168.10.0/24"]
[zones.wan]
networks = ["any"]

[services]
mine = "tcp 8080"
ours = "mine, dns"

[rules]
"lan to wan" = [
  "allow dns",
  "deny all",
]
"wan, lan to firewall" = "allow mine"
"""


def read(text):
    reader = PolicyReader(text, "x.policy.toml")
    return reader.read(), reader.diagnostics


def complaints(text):
    return [(each.line, each.column, each.message, each.advice) for each in read(text)[1]]


def test_every_key():
    """The values, and where the rules stand."""
    policy, problems = read(GOOD)
    assert problems == []
    assert policy.zones == {"lan": PolicyZone("lan", "eth1", ("192.168.10.0/24",)), "wan": PolicyZone("wan", "wan", ("any",))}
    assert (policy.own, policy.default, policy.stateful, policy.drop_invalid, policy.log_denied) == (
        ("192.168.10.1/24",),
        "reject",
        False,
        False,
        True,
    )
    assert policy.services["ours"] == (*policy.services["mine"], *policy.services["dns"])
    assert [(each.sources, each.targets, each.sentence, each.place.line, each.place.column) for each in policy.rules] == [
        (("lan",), ("wan",), "allow dns", 22, 4),
        (("lan",), ("wan",), "deny all", 23, 4),
        (("wan", "lan"), ("firewall",), "allow mine", 25, 27),
    ]


def test_defaults():
    """Deny, stateful, invalid packets dropped, no log."""
    policy, _ = read("[zones.lan]\n")
    assert (policy.default, policy.stateful, policy.drop_invalid, policy.log_denied) == ("deny", True, True, False)
    assert policy.rules == [] and Policy().rules == []
    assert isinstance(read(GOOD)[0].rules[0], PolicyRule)


ZONE = "[zones.lan]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("defualt = 'deny'\n" + ZONE, (1, 1, "unknown key defualt", 'did you mean "default"?')),
        ("default = 'dney'\n" + ZONE, (1, 12, 'default = "dney"', 'did you mean "deny"?')),
        ("default = 3\n" + ZONE, (1, 1, "default = 3", "expected deny, reject or allow")),
        ("stateful = 'yes'\n" + ZONE, (1, 1, "stateful = 'yes'", "expected true or false")),
        (ZONE + "networks = ['10.0.0.0/33']", (2, 14, "'10.0.0.0/33' is not a network", None)),
        (ZONE + "networks = '10.0.0.0/8'", (2, 1, "networks = '10.0.0.0/8'", "expected a list of addresses in quotes")),
        (ZONE + "network = []", (2, 1, "unknown key network", 'did you mean "networks"?')),
        (ZONE + "interface = 'averyveryverylongname'", (2, 14, '"averyveryverylongname" cannot name an interface', None)),
        (ZONE + "[zones.any]", (2, 8, '"any" is every zone already', None)),
        (ZONE + "[zones.firewall]", (2, 8, '"firewall" is the firewall itself already', None)),
        (ZONE + "[firewall]\naddresses = ['x']", (3, 15, "'x' is not an address", "write for example 192.168.10.1/24")),
        (ZONE + "[services]\nx = 3", (3, 1, "service x = 3", None)),
        (ZONE + "[services]\nx = 'tcp htpt'", (3, 10, '"htpt" is no port', 'did you mean "http"?')),
        (ZONE + "[rules]\n'lan to lam' = 'allow dns'", (3, 9, 'no zone is called "lam"', 'did you mean "lan"?')),
        (ZONE + "[rules]\n'lan' = 'allow dns'", (3, 2, '"lan" does not say from where to where', 'write for example: "lan to wan"')),
        (ZONE + "[rules]\n'lan to any' = []", (3, 2, "what may pass is missing", None)),
        ("[rules]\n", (1, 1, "no zone", None)),
        (ZONE + "x = \n", (2, 5, "not TOML: invalid value", 'texts stand in quotes: key = "text"')),
        (ZONE + "x = 1\nx = 2\n", (3, 6, "not TOML: cannot overwrite a value", None)),
    ],
)
def test_what_is_wrong(text, expected):
    """Line, column, what was found, what to write."""
    ((*found, advice),) = complaints(text)
    assert tuple(found) == expected[:3]
    assert expected[3] is None or advice == expected[3]


def test_all_complaints_at_once():
    """In one run."""
    assert len(complaints("a = 1\nb = 2\n[zones.lan]\nc = 3\n")) == 3


def test_place_of_dotted_and_inline_keys():
    """However TOML writes a table."""
    assert complaints('zones.lan.netwroks = ["any"]\n')[0][:3] == (1, 11, "unknown key netwroks")
    assert complaints("[zones]\nlan = { netwroks = [] }\n")[0][:3] == (2, 9, "unknown key netwroks")


@pytest.mark.parametrize(
    ("text", "path", "answer"),
    [
        ("", "a.policy.toml", True),
        ("# x\n[zones.lan]\n", "a", True),
        ("table inet t {\n}\n", "a.nft", False),
        ("*filter\n:INPUT ACCEPT [0:0]\n[0:0] -A INPUT\nCOMMIT\n", "a", False),
    ],
)
def test_recognised(text, path, answer):
    """By its name or by its tables."""
    assert looks_like_policy(text, path) is answer
