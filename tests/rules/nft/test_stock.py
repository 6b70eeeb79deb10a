"""What stock nft refuses is told, and nothing that it takes is called refused: asked of the installed nft where there is one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.nft.stock import NO_INTERFACE, RESERVED

FAMILIES = ("ip", "ip6", "inet", "netdev", "arp", "bridge")
STATEMENTS = """meta nfproto ipv4
meta nfproto vmap { ipv4 : accept }
meta l4proto tcp
ip saddr 1.2.3.4
tcp dport 22
icmp type echo-request
icmpv6 type echo-request
arp operation request
reject
reject with icmp port-unreachable
reject with icmpv6 no-route
reject with icmpx no-route
reject with tcp reset
masquerade
redirect to :80
tcp dport 80 redirect to :8080
dnat to 1.2.3.4
dnat ip to 1.2.3.4
snat to 1.2.3.4:80
tproxy to :80
meta l4proto tcp tproxy to :80
fwd to "lo"
ct original proto-dst 22
ct original saddr 1.2.3.4
ct original ip saddr 1.2.3.4
meta l4proto tcp ct original proto-dst 22
rt nexthop 1.2.3.4
meta priority 1:1
ipsec in reqid 1
limit rate 3/minute burst 10
limit rate 3/minute burst 10 packets
accept comment drop
comment "a" accept
l4proto tcp
meta iifname drop
meta iifname wan
ct state { } drop
tcp dport { 1,, 2 }
xt match recent
ct count over 5 drop
""".splitlines()


def table(family, statement):
    """A table with the statement in a chain."""
    hook = 'ingress device "lo"' if family == "netdev" else "input"
    return f"table {family} t {{\n\tchain c {{\n\t\ttype filter hook {hook} priority 0;\n\t\t{statement}\n\t}}\n}}\n"


def verdict(text):
    """``taken``, ``warned`` or ``refused``."""
    try:
        ruleset = parse_ruleset(text)
    except RulesetError:
        return "refused"
    return "warned" if any("stock nft refuses" in each.message for each in ruleset.warnings) else "taken"


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Asks nft about many texts: its complaints, empty where it has none."""
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft or unshare is not installed")
    folder = tmp_path_factory.mktemp("stock")

    def ask(texts):
        for number, text in enumerate(texts):
            (folder / f"{number}.nft").write_text(text)
        loop = f"cd {folder}; ip link set lo up; for i in $(seq 0 {len(texts) - 1}); do nft -c -f $i.nft 2> $i.txt || true; done"
        done = subprocess.run(["unshare", "-n", "sh", "-c", loop], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("no right to make a network namespace")
        return [(folder / f"{number}.txt").read_text() for number in range(len(texts))]

    if ask(["table inet t { chain c { accept; }; }\n"]) != [""]:
        pytest.skip("no right to make a network namespace with nftables in it")
    return ask


def test_statements_are_judged_as_stock_nft_judges_them(stock):
    """In every family. What the kernel refuses, as it may for want of a module, does not count."""
    cases = [(family, statement) for family in FAMILIES for statement in STATEMENTS]
    texts = [table(*case) for case in cases]
    wrong = []
    for case, text, said in zip(cases, texts, stock(texts), strict=True):
        found = verdict(text)
        if (not said and found != "taken") or (said and "Could not process rule" not in said and found == "taken"):
            wrong.append((case, found, said.splitlines()[:1]))
    assert not wrong


def test_words_that_are_no_names(stock):
    """Of sets, and of interfaces; words that are names are not in the lists."""
    words = sorted({*RESERVED, *NO_INTERFACE, "name", "packets", "state", "new", "established", "input", "forward", "lan", "dscp", "ttl"})
    sets = stock([f"table inet t {{ set {word} {{ type ipv4_addr; }}; }}\n" for word in words])
    assert {word for word, said in zip(words, sets, strict=True) if said} == RESERVED
    names = stock([table("inet", f"meta iifname {word}") for word in words])
    assert {word for word, said in zip(words, names, strict=True) if said} == NO_INTERFACE


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("table inet t { set limit { type ipv4_addr; }; }", (1, 20)),
        ("table inet t { chain log { }; chain c { jump log; }; }", (1, 22)),
        ("define mark = 5", (1, 8)),
        (table("ip", "counter meta nfproto ipv4 accept"), (4, 11)),
        (table("inet", "tcp dport 22 iifname input counter iifname drop accept"), (4, 46)),
    ],
)
def test_place_is_that_of_the_word(text, place):
    """Once for each word."""
    told = [each for each in parse_ruleset(text).warnings if "stock nft refuses" in each.message]
    assert [(each.line, each.column) for each in told] == [place]


@pytest.mark.parametrize("statement", ["ip saddr @s accept", "ct state new accept", "tcp dport 80 dnat ip to 10.0.0.1:80"])
def test_ordinary_rules_are_not_warned_of(statement):
    """Nothing to say."""
    text = table("inet", statement).replace("chain c", "set s { type ipv4_addr; }\n\tchain c")
    assert parse_ruleset(text).warnings == ()
