"""Sentences of a policy as rules, and what they do to packets."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from checkout import ROOT

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import load_ruleset, parse_ruleset
from pcapaudit.rules.convert import to_nftables
from pcapaudit.rules.nft.printer import format_rule
from pcapaudit.rules.policy.maker import TABLE, policy_zones

OFFICE = ROOT / "rulesets" / "office.policy.toml"
ZONES = '[zones.lan]\ninterface = "eth1"\nnetworks = ["10.0.0.0/8"]\n[zones.wan]\ninterface = "ppp*"\nnetworks = ["any"]\n'
ACROSS = 'meta iifname "eth1" meta oifname "ppp*" '


def chains(rules, head="", tail=""):
    """hook → the rules of its chain as text, without comments."""
    (table,) = parse_ruleset(f"{head}{ZONES}{tail}[rules]\n{rules}\n", "x.policy.toml").tables
    assert (table.family, table.name) == ("inet", TABLE)
    return {chain.base.hook: [format_rule(rule).partition(" comment ")[0] for rule in chain.rules] for chain in table.chains}


def sentence(text):
    """The rules that a sentence makes from lan to wan."""
    return [each.removeprefix(ACROSS) for each in chains(f'"lan to wan" = "{text}"')["forward"][2:]]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("allow http", ["tcp dport 80 accept"]),
        ("allow dns, http, https", ["udp dport 53 accept", "tcp dport { 53, 80, 443 } accept"]),
        ("allow tcp 80-90, 85-99, 100", ["tcp dport 80-100 accept"]),
        ("allow all", ["accept"]),
        ("deny tcp", ["meta l4proto tcp drop"]),
        ("allow ping", ["icmp type echo-request accept", "icmpv6 type echo-request accept"]),
        ("allow ping from 192.0.2.1", ["ip saddr 192.0.2.1 icmp type echo-request accept"]),
        ("allow ssh from 192.0.2.1, ::1", ["ip saddr 192.0.2.1 tcp dport 22 accept", "ip6 saddr ::1 tcp dport 22 accept"]),
        ("allow ssh to 192.0.2.0/24", ["ip daddr 192.0.2.0/24 tcp dport 22 accept"]),
        (
            "allow  ssh from 192.0.2.1 to 198.51.100.1, ::1 and log",
            ['ip saddr 192.0.2.1 ip daddr 198.51.100.1 tcp dport 22 log prefix "lan to wan allow: " accept'],
        ),
        ("reject smtp", ["tcp dport 25 reject"]),
        ("allow ftp, http", ['tcp dport 21 ct helper set "ftp" accept', "tcp dport 80 accept"]),
        ("deny ftp", ["tcp dport 21 drop"]),
        ("allow esp", ["meta l4proto esp accept"]),
    ],
)
def test_sentence(text, rules):
    """As nftables writes it."""
    assert sentence(text) == rules


@pytest.mark.parametrize(
    ("text", "column", "message", "advice"),
    [
        ("alow dns", 17, 'found "alow", expected allow, deny or reject', 'did you mean "allow"?'),
        ("accept dns", 17, 'found "accept", expected allow, deny or reject', 'write "allow"'),
        ("allow", 17, "allow what?", None),
        ("allow dms", 23, 'no service is called "dms"', 'did you mean "dns"?'),
        ("allow dns from here", 32, '"here" is no address', None),
        ("allow dns from 10.0.0.1 to ::1", 17, "one side has IPv4 addresses and the other IPv6: no packet has both", None),
        ("allow icmp from ::1", 17, "these services do not exist in IPv6, and the addresses are of that version", None),
    ],
)
def test_wrong_sentence(text, column, message, advice):
    """The word is pointed at."""
    with pytest.raises(RulesetError) as caught:
        chains(f'"lan to wan" = "{text}"')
    (found,) = caught.value.diagnostics
    assert (found.line, found.column, found.message) == (8, column, message)
    assert advice is None or found.advice == advice


def test_range_of_types_is_printed_in_numbers():
    """Their names have dashes."""
    assert sentence("allow icmp 3, 4, 5, icmpv6 1") == ["icmp type 3-5 accept", "icmpv6 type destination-unreachable accept"]


def test_firewall_to_itself():
    """Makes no sense."""
    with pytest.raises(RulesetError, match="talks to itself"):
        chains('"firewall to firewall" = "allow dns"')


def test_first_rules():
    """Invalid packets go, replies come, unless the file says otherwise."""
    assert chains("")["forward"] == ["ct state invalid drop", "ct state established,related accept"]
    assert chains("", "stateful = false\n")["forward"] == ["ct state invalid drop"]
    assert chains("", "drop-invalid = false\n")["forward"] == ["ct state established,related accept"]


@pytest.mark.parametrize(
    ("default", "policy", "last"),
    [
        ("deny", "drop", ['log prefix "forward denied: "']),
        ("reject", "drop", ['log prefix "forward denied: "', "reject with icmpx admin-prohibited"]),
        ("allow", "accept", []),
    ],
)
def test_default(default, policy, last):
    """What no rule speaks of."""
    text = f'default = "{default}"\nlog-denied = true\n{ZONES}[rules]\n'
    (chain,) = parse_ruleset(text, "x.policy.toml").tables[0].chains
    assert chain.base.policy == policy
    assert [format_rule(rule).partition(" comment ")[0] for rule in chain.rules[2:]] == last
    assert chain.base.policy_place.line == (1 if default != "deny" else 9)


def test_chains_of_the_firewall_itself():
    """Only where a rule speaks of it; the machine may talk to itself, and IPv6 finds its neighbours."""
    found = chains('"lan to firewall, wan" = "allow ssh"\n"firewall to any" = "allow ntp"')
    assert list(found) == ["input", "forward", "output"]
    assert found["input"][0] == 'meta iifname "lo" accept'
    assert found["input"][3].startswith("icmpv6 type { mld-listener-query, mld-listener-")
    assert found["input"][4:] == ['meta iifname "eth1" tcp dport 22 accept']
    assert found["forward"][2:] == [ACROSS + "tcp dport 22 accept"]
    assert found["output"][4:] == ["udp dport 123 accept"]


def test_any_and_several_zones():
    """No interface, or one of several."""
    assert chains('"any to lan, wan" = "allow ntp"')["forward"][2:] == ['meta oifname { "eth1", "ppp*" } udp dport 123 accept']


def test_zone_without_rule():
    """Is said: a slip of the pen would look like this."""
    ruleset = parse_ruleset(f'{ZONES}[zones.dmz]\n[rules]\n"lan to wan" = "allow dns"\n', "x.policy.toml")
    assert [(each.line, each.message) for each in ruleset.warnings] == [(7, "no rule speaks of zone dmz")]


def test_zones_for_the_topology():
    """As --zone and --own would say it."""
    text = f'{ZONES}[zones.none]\n[firewall]\naddresses = ["10.0.0.1/8"]\n'
    assert policy_zones(text, "x") == (("lan=eth1:10.0.0.0/8", "wan=ppp*:any"), ("10.0.0.1/8",))
    assert policy_zones("table inet t {\n}\n", "x.nft") == ((), ())


def test_printed_policy_is_the_same_ruleset():
    """What nftables text says of it, our reader reads."""
    ruleset = load_ruleset(OFFICE)
    assert parse_ruleset(to_nftables(ruleset)[0]).tables == ruleset.tables


def test_stock_nft_takes_the_text(tmp_path):
    """In a network namespace of its own."""
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft or unshare is not installed")
    if subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True, check=False).returncode:
        pytest.skip("no right to make a network namespace with nftables in it")
    everything = f"""default = "reject"\nlog-denied = true\n{ZONES}[rules]
"lan to wan, firewall" = ["allow dns, ping, ftp, tftp, ipsec, sctp 80, all and log", "deny all from 10.0.0.0/8, ::1 to 10.0.0.1, fe80::/10"]
"firewall to any" = "reject smtp"
"""
    for index, ruleset in enumerate((load_ruleset(OFFICE), parse_ruleset(everything, "x.policy.toml"))):
        file = tmp_path / f"{index}.nft"
        file.write_text(to_nftables(ruleset)[0])
        done = subprocess.run(["unshare", "-n", "nft", "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
