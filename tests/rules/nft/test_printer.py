"""What is printed is read again as the same value, by us and by nft."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nft_texts import chain, rule
from random_rules import rulesets

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.model import Element, Key, Match, Rule, Ruleset, SetLiteral
from pcapaudit.rules.nft.printer import format_rule, format_ruleset
from pcapaudit.rules.selectors import SELECTORS

QUICK = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))

#: rule as written → as printed, where that differs.
RULES = [
    ("accept", ""),
    ("tcp dport ssh accept", "tcp dport 22 accept"),
    ("tcp dport { 22, 80-90 } counter packets 1 bytes 2 accept", ""),
    ("tcp dport != 22 drop", ""),
    ("tcp dport ne 22 drop", "tcp dport != 22 drop"),
    ("iifname eth0 accept", 'meta iifname "eth0" accept'),
    ("iifname { eth0, wg* } accept", 'meta iifname { "eth0", "wg*" } accept'),
    ("ip saddr 192.0.2.0-192.0.2.255 accept", "ip saddr 192.0.2.0/24 accept"),
    ("ip saddr 192.0.2.1-192.0.2.9 accept", ""),
    ("ip6 saddr 2001:db8::/32 accept", ""),
    ("ct state established,related accept", ""),
    ("ct state == new accept", ""),
    ("ct state { new, established } accept", ""),
    ("tcp flags syn", ""),
    ("tcp flags syn / syn,ack", "tcp flags & 0x12 == syn"),
    ("tcp flags & (syn | ack) != syn | ack", "tcp flags & 0x12 != syn,ack"),
    ("ip saddr & 255.255.255.0 == 192.0.2.0", ""),
    ("meta mark & 0xff ^ 0x01 == 0x5", "meta mark & 0xff ^ 0x1 == 0x00000005"),
    ("ip saddr . tcp dport { 192.0.2.1 . 22, 192.0.2.0/24 . 80-90 } accept", ""),
    ("meta l4proto vmap { tcp : accept, udp : drop }", ""),
    ("limit rate over 10 kbytes/second burst 4 kbytes drop", "limit rate over 10240 bytes/second burst 4096 bytes drop"),
    ("limit rate 3/minute accept", "limit rate 3/minute burst 5 packets accept"),
    ('log prefix "a b" level warn', ""),
    ("reject with icmpx type admin-prohibited", "reject with icmpx admin-prohibited"),
    ("reject with tcp reset", ""),
    ('accept comment "why"', ""),
    ("quota over 1 kbytes used 5 bytes drop", "quota over 1024 bytes used 5 bytes drop"),
    ("meta mark set 0x5", "meta mark set 0x00000005"),
    ("notrack", ""),
    ("fib daddr type local accept", ""),
    ("tcp option maxseg size 1400", ""),
    ("@th,16,16 53 accept", ""),
]


@pytest.mark.parametrize(("written", "printed"), RULES, ids=[written for written, _ in RULES])
def test_rule(written, printed):
    """One way of writing for each thing; what is printed means the same."""
    found = rule(written)
    assert format_rule(found) == (printed or written)
    assert rule(format_rule(found)) == found


def test_tables_sets_and_chains():
    """Everything that a table holds, in nft's own order and form."""
    text = """table inet t {
	flags dormant
	comment "all"
	set s {
		type ipv4_addr . inet_service
		size 100
		flags interval,timeout
		timeout 1h
		gc-interval 5m
		auto-merge
		counter
		comment "who"
		elements = { 192.0.2.1 . 22 timeout 1m expires 30s comment "x", 192.0.2.0/24 . 80-90 }
	}
	map m {
		type inet_service : verdict
		policy memory
		elements = { 22 : jump x }
	}
	chain x {
	}
	chain c {
		comment "main"
		type filter hook forward priority -5; policy drop;
		tcp dport vmap @m
		ip saddr . tcp dport @s accept
	}
}
"""
    assert format_ruleset(parse_ruleset(text)) == text


def test_several_tables_are_set_apart():
    """By an empty line; nothing prints as nothing."""
    assert format_ruleset(parse_ruleset("table ip a { }; table ip6 b { }")) == "table ip a {\n}\n\ntable ip6 b {\n}\n"
    assert format_ruleset(Ruleset()) == ""


@QUICK
@given(rulesets(with_limits=True))
def test_printed_ruleset_is_read_as_the_same(ruleset):
    """parse(print(x)) == x for any ruleset."""
    assert parse_ruleset(format_ruleset(ruleset)) == ruleset


@QUICK
@given(
    st.sampled_from(["ip ttl", "ip6 flowlabel", "tcp window", "meta mark", "ct mark", "ip saddr", "ip6 daddr", "ether saddr"]), st.data()
)
def test_any_mask_and_xor_are_read_as_the_same(text, data):
    """Bit operations come back as they were folded."""
    selector = SELECTORS[text]
    number = st.integers(0, (1 << selector.bits) - 1)
    mask, xor, value = data.draw(number), data.draw(number), data.draw(number)
    key = Key(selector, mask, xor)
    if mask == (1 << selector.bits) - 1 and not xor:
        key = Key(selector)
    found = Rule((Match((key,), data.draw(st.sampled_from(["==", "!="])), SetLiteral((Element(((value, value),)),))),))
    assert rule(format_rule(found)) == found


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(rulesets(with_limits=True))
def test_nft_takes_what_is_printed(ruleset):
    """The stock tool checks it, in a network namespace of its own."""
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    command = ["unshare", "-rn", "nft", "-c", "-f", "-"]
    if subprocess.run(command, input="table ip t { }", text=True, capture_output=True, check=False).returncode:
        pytest.skip("build: no network namespace can be made here")
    text = format_ruleset(ruleset)
    # Our reader takes it anywhere; stock nft refuses it where the family says as much.
    assume("meta nfproto" not in text or not re.search(r"^table ip6? ", text, re.M))
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"


def test_forward_chain_of_the_tests_is_printed():
    """The text that other tests write is what the printer writes, but for blanks."""
    text = chain("tcp dport 22 accept", policy="drop")
    assert format_ruleset(parse_ruleset(text)).split() == text.split()


def test_bits_of_an_element_are_joined_by_bars():
    """A comma would make them two elements."""
    text = "tcp flags { syn | ack, rst | ack } accept"
    assert format_rule(rule(text)) == text
    assert format_rule(rule("ct state established,related accept")) == "ct state established,related accept"
