"""What rules do besides matching: marks, sets that packets write to, quotas, NAT, queues; as Linux does it."""

from __future__ import annotations

import pytest
from reference_rules import Packet
from rules_bench import Bench, forward

from pcapaudit.core import consts

SECOND = 10**9


def table(body, family="inet"):
    """A table of the text given."""
    return f"table {family} t {{\n{body}\n}}\n"


def chain(name, hook, rules, kind="filter", priority=0, policy="accept"):
    """A base chain."""
    return f"chain {name} {{\ntype {kind} hook {hook} priority {priority}; policy {policy};\n{rules}\n}}\n"


# Marks ------------------------------------------------------------------------------------------------------------------------------


def test_mark_is_zero_until_it_is_set():
    """A packet that arrives has no mark; what a chain sets, later chains see."""
    bench = Bench(table(chain("a", "prerouting", "udp dport 53 meta mark set 0x10") + chain("b", "forward", "meta mark 0x10 drop")))
    assert bench.judge(Packet(proto=17, dport=53)) == ("drop", True)
    assert bench.judge(Packet(proto=17, dport=54)) == ("accept", True)


def test_mark_is_unknown_for_packets_made_here():
    """A local socket may have set one."""
    bench = Bench(table(chain("a", "output", "meta mark 1 drop")))
    assert bench.judge(Packet(path=consts.PATH_OUTPUT, iif="")) == ("accept", False)


def test_mark_keeps_bits():
    """``meta mark set meta mark | 4`` changes one bit."""
    rules = "meta mark set 0x3\nmeta mark set meta mark and 0x2 or 0x4\nmeta mark 0x6 drop"
    assert Bench(forward(rules, "accept")).judge(Packet()) == ("drop", True)


def test_mark_from_a_map():
    """A key that the map does not hold ends the rule."""
    bench = Bench(forward("meta mark set ip saddr map { 10.0.0.1 : 7, 10.0.0.2-10.0.0.9 : 8 } accept\nmeta mark 0 drop", "accept"))
    assert bench.judge(Packet(src=0x0A000001)) == ("accept", True)
    assert bench.judge(Packet(src=0x0A00000A)) == ("drop", True)


def test_mark_set_by_other_worlds_makes_verdicts_possible():
    """Whether the unknown user's rule set the mark is open."""
    bench = Bench(forward("meta skuid 5 meta mark set 1\nmeta mark 1 drop", "accept"))
    assert bench.judge(Packet()) == ("accept", False)


def test_ct_mark_comes_from_the_loop_and_goes_back():
    """The evaluator reads it, and says when rules set it."""
    bench = Bench(forward("ct mark 5 drop\nct mark set 9", "accept"))
    assert bench.program.uses_ct_mark
    assert bench.judge(Packet(ct_mark=5)) == ("drop", True)
    assert bench.judge(Packet(ct_mark=None)) == ("accept", False)
    assert bench.judge(Packet(ct_mark=4)) == ("accept", True)
    assert (bench.evaluator.matcher.ct_mark, bench.evaluator.matcher.ct_mark_set) == (9, 1)


def test_ct_mark_needs_a_connection():
    """An invalid packet has none to read or to set."""
    bench = Bench(forward("ct mark set 9\nct mark 9 drop", "accept"))
    assert bench.judge(Packet(ct_state=consts.CT_INVALID)) == ("accept", True)
    assert not bench.evaluator.matcher.ct_mark_set


# Sets that packets write to -----------------------------------------------------------------------------------------------------------


def at(seconds, **fields):
    """A packet of a time."""
    return Packet(now=10**18 + int(seconds * SECOND), **fields)


def test_update_adds_and_time_takes_away():
    """Port knocking: the address is in the set for ten seconds."""
    text = table(
        "set knocked {\ntype ipv4_addr\nflags timeout\ntimeout 10s\n}\n"
        + chain("a", "forward", "tcp dport 7000 update @knocked { ip saddr } drop\ntcp dport 22 ip saddr @knocked accept", policy="drop")
    )
    bench = Bench(text)
    assert bench.program.has_global_state
    assert bench.judge(at(0, dport=22)) == ("drop", True)
    assert bench.judge(at(1, dport=7000)) == ("drop", True)
    assert bench.judge(at(10.999, dport=22)) == ("accept", True)
    assert bench.judge(at(11, dport=22)) == ("drop", True)


def test_update_prolongs_and_add_does_not():
    """The kernel gives a new lifetime for ``update`` alone."""
    for op, expected in (("update", "accept"), ("add", "drop")):
        text = table(
            "set s {\ntype ipv4_addr\nflags timeout\ntimeout 10s\n}\n"
            + chain("a", "forward", f"udp dport 1 {op} @s {{ ip saddr }} accept\nip saddr @s accept", policy="drop")
        )
        bench = Bench(text)
        for second in (0, 8):
            bench.judge(at(second, proto=17, dport=1))
        assert bench.judge(at(12, dport=22))[0] == expected


def test_delete_takes_an_element_out():
    """``delete`` goes on whether or not the element was there."""
    text = table(
        "set s {\ntype ipv4_addr\nelements = { 10.0.0.1 }\n}\n"
        + chain("a", "forward", "udp dport 1 delete @s { ip saddr } accept\nip saddr @s accept", policy="drop")
    )
    bench = Bench(text)
    assert bench.judge(at(0)) == ("accept", True)
    assert bench.judge(at(1, proto=17, dport=1)) == ("accept", True)
    assert bench.judge(at(2)) == ("drop", True)
    assert bench.judge(at(3, proto=17, dport=1)) == ("accept", True)


def test_full_set_ends_the_rule():
    """A packet that would need one more element than the set has room for does not match."""
    text = table(
        "set s {\ntype inet_service\nflags dynamic,timeout\nsize 2\ntimeout 10s\n}\n"
        + chain("a", "forward", "add @s { tcp dport } accept", policy="drop")
    )
    bench = Bench(text)
    assert [bench.judge(at(0, dport=port))[0] for port in (1, 2, 3, 1)] == ["accept", "accept", "drop", "accept"]
    assert bench.judge(at(20, dport=3)) == ("accept", True)


def test_listed_elements_live_from_the_first_packet():
    """``expires`` of saved output is what is left."""
    text = table(
        "set s {\ntype ipv4_addr\nflags timeout\nelements = { 10.0.0.1 timeout 1h expires 5s, 10.0.0.2 timeout 2s }\n}\n"
        + chain("a", "forward", "ip saddr @s accept", policy="drop")
    )
    bench = Bench(text)
    assert bench.judge(at(0, src=0x0A000002)) == ("accept", True)
    assert bench.judge(at(2, src=0x0A000002)) == ("drop", True)
    assert bench.judge(at(4.9)) == ("accept", True)
    assert bench.judge(at(5)) == ("drop", True)


@pytest.mark.parametrize(
    "words",
    ["meter m { ip saddr limit rate over 2/second burst 2 packets }", "add @m { ip saddr limit rate over 2/second burst 2 packets }"],
)
def test_meter_has_a_bucket_for_each_key(words):
    """Two packets at once pass, for each source of its own."""
    own = "" if words.startswith("meter") else "set m {\ntype ipv4_addr\nflags dynamic\n}\n"
    bench = Bench(table(own + chain("a", "forward", f"{words} drop")))
    sources = [1, 1, 1, 2, 2, 2]
    assert [bench.judge(at(0, src=source))[0] for source in sources] == ["accept", "accept", "drop"] * 2
    assert bench.judge(at(0.5, src=1)) == ("accept", True)
    assert bench.judge(at(0.5, src=1)) == ("drop", True)


def test_look_up_asks_the_elements_own_statement():
    """As the kernel does: a look at the set takes a token of the element's limit, and holds only where the limit does."""
    text = table(
        "set s {\ntype ipv4_addr\nflags dynamic\n}\n"
        + chain("a", "forward", "add @s { ip saddr limit rate over 2/second burst 2 packets } drop\nip saddr @s drop")
    )
    bench = Bench(text)
    assert bench.judge(at(0)) == ("accept", True)
    assert bench.judge(at(0)) == ("drop", True)


def test_set_written_by_other_worlds_is_unknown_from_then_on():
    """Nobody knows whether the element is there."""
    text = table(
        "set s {\ntype ipv4_addr\nflags dynamic\n}\n" + chain("a", "forward", "meta skuid 1 add @s { ip saddr }\nip saddr @s drop")
    )
    bench = Bench(text)
    assert bench.judge(at(0)) == ("accept", False)


def test_ct_count_without_connections_is_unknown():
    """Whoever has no connection table cannot count: the rule holds or not."""
    assert Bench(forward("ct count over 3 drop", "accept")).judge(Packet()) == ("accept", False)


# Quotas and named objects -------------------------------------------------------------------------------------------------------------


def test_quota_is_used_up():
    """Matches while the bytes, this packet's included, are no more than the quota."""
    bench = Bench(forward("quota 120 bytes accept", "drop"))
    assert [bench.judge(Packet(length=60))[0] for _ in range(3)] == ["accept", "accept", "drop"]
    bench = Bench(forward("quota over 150 bytes drop", "accept"))
    assert [bench.judge(Packet(length=60))[0] for _ in range(3)] == ["accept", "accept", "drop"]


def test_named_limit_is_shared():
    """Two rules take from one bucket."""
    text = table(
        "limit l {\nrate 1/second burst 2 packets\n}\n"
        + chain("a", "forward", 'tcp dport 1 limit name "l" accept\ntcp dport 2 limit name l accept', policy="drop")
    )
    bench = Bench(text)
    assert [bench.judge(at(0, dport=port))[0] for port in (1, 2, 1)] == ["accept", "accept", "drop"]


# Verdicts of others, NAT ---------------------------------------------------------------------------------------------------------------


def test_queue_is_undecidable():
    """A program decides: accepted, and perhaps not."""
    bench = Bench(forward("tcp dport 80 queue num 1 bypass\ntcp dport 81 drop", "accept"))
    assert bench.judge(Packet(dport=80)) == ("accept", False)
    assert bench.cause == 1
    assert bench.judge(Packet(dport=81)) == ("drop", True)


def test_cause_is_a_rule_that_could_have_matched():
    """Rule 2 asks for something unknown too, but not of this packet: rule 1 alone lets another outcome be."""
    bench = Bench(forward('iifname "eth7" accept\niifname "eth8" ip saddr 192.0.2.200 accept\ndrop', "drop"))
    assert bench.judge(Packet(dport=80)) == ("drop", False)
    assert bench.cause == 1


def test_nat_chain_sees_the_first_packet_of_a_connection():
    """Later packets, untracked ones and ICMP errors pass it by."""
    bench = Bench(table(chain("n", "prerouting", "tcp dport 80 drop", "nat", -100)))
    assert bench.judge(Packet()) == ("drop", True)
    assert bench.judge(Packet(confirmed=True)) == ("accept", True)
    for state in (consts.CT_ESTABLISHED, consts.CT_INVALID, consts.CT_UNTRACKED):
        assert bench.judge(Packet(ct_state=state)) == ("accept", True)


def test_nat_accepts_its_own_chain_only():
    """What the filter chain says is the verdict, and its rule is the one reported."""
    nat = chain("n", "prerouting", "tcp dport 80 dnat ip to 192.0.2.9:8080", "nat", -100)
    bench = Bench(table(nat + chain("f", "forward", "tcp dport 80 accept\n", policy="drop")))
    assert bench.judge(Packet()) == ("accept", True)
    assert bench.rule == 2


def test_first_translation_of_a_hook_is_the_last():
    """Behind a nat chain that translated, the other nat chains of the hook do not run."""
    first = chain("a", "postrouting", "masquerade", "nat", 90)
    second = chain("b", "postrouting", "drop", "nat", 110)
    assert Bench(table(first + second)).judge(Packet()) == ("accept", True)
    assert Bench(table(first.replace("masquerade", "accept") + second)).judge(Packet()) == ("drop", True)


def test_nat_chains_run_where_the_kernel_has_nat():
    """A nat chain of priority -200 still runs behind a mangle chain of -150."""
    mangle = chain("m", "prerouting", "meta mark set 1", priority=-150)
    nat = chain("n", "prerouting", "meta mark 1 drop", "nat", -200)
    assert Bench(table(mangle + nat)).judge(Packet()) == ("drop", True)


def test_nat_map_without_the_key_goes_on():
    """``dnat to … map`` ends the rule where the map has nothing."""
    nat = chain("n", "prerouting", "dnat ip to tcp dport map { 81 : 192.0.2.1 }\ndrop", "nat", -100)
    bench = Bench(table(nat))
    assert bench.judge(Packet(dport=81)) == ("accept", True)
    assert bench.judge(Packet(dport=80)) == ("drop", True)


def test_notrack_shows_in_raw_chains_and_to_the_loop():
    """Behind notrack the raw chains see ``untracked``; the loop keeps the packet from conntrack."""
    bench = Bench(table(chain("r", "prerouting", "udp dport 53 notrack\nct state untracked meta mark set 1", priority=-300)))
    assert bench.program.has_notrack
    bench.judge(Packet(proto=17, dport=53))
    assert bench.evaluator.notrack
    assert bench.evaluator.matcher.mark == 1
    bench.judge(Packet(proto=17, dport=54))
    assert not bench.evaluator.notrack


def test_changed_fields_are_unknown():
    """Behind ``ip dscp set`` nobody reads the capture's DSCP."""
    bench = Bench(forward("ip dscp set cs1\nip dscp cs1 drop", "accept"))
    assert bench.judge(Packet()) == ("accept", False)


# Devices, fib, connection tuples --------------------------------------------------------------------------------------------------------


def test_ingress_chain_sees_its_device():
    """netdev chains run before all others, on their device."""
    head = 'type filter hook ingress device "inside" priority -500; policy accept;'
    bench = Bench(table(f"chain i {{\n{head}\nip saddr 10.0.0.1 drop\n}}", "netdev"))
    assert bench.judge(Packet(iif="inside")) == ("drop", True)
    assert bench.judge(Packet(iif="outside")) == ("accept", True)
    assert bench.judge(Packet(iif=None)) == ("accept", False)


def test_fib_type_follows_the_packets_way():
    """What comes in is for a local address, what goes through is not; with assumed zones nobody knows."""
    text = table(chain("p", "prerouting", "fib daddr type local drop"))
    real = Bench(text, assumed=False)
    assert real.judge(Packet(path=consts.PATH_INPUT, oif="")) == ("drop", True)
    assert real.judge(Packet()) == ("accept", True)
    assert real.judge(Packet(path=consts.PATH_INPUT, oif="", dst=0xE0000001)) == ("accept", True)
    assert Bench(text).judge(Packet()) == ("accept", False)


def test_ct_tuple_turns_with_the_direction():
    """``ct original`` is the connection's tuple, whichever way the packet goes."""
    bench = Bench(forward("ct original ip saddr 10.0.0.1 ct reply proto-src 80 drop", "accept"))
    assert bench.judge(Packet()) == ("drop", True)
    reply = Packet(src=0xC0000201, dst=0x0A000001, sport=80, dport=40000, ct_state=consts.CT_ESTABLISHED, direction=1)
    assert bench.judge(reply) == ("drop", True)
    assert bench.judge(Packet(src=0x0A000002)) == ("accept", True)


FADING = """set s { type ipv4_addr; flags interval,timeout; elements = { 10.0.0.0/24 timeout 2s, 192.0.2.1 }; }
    set pairs { type ipv4_addr . inet_service; flags interval,timeout; timeout 2s; elements = { 10.0.0.0/24 . 0-65535 }; }
    map marks { type ipv4_addr : mark; flags interval,timeout; elements = { 10.0.0.0/24 timeout 2s : 5, 10.0.1.0/24 : 6 }; }
    map v { type ipv4_addr : verdict; timeout 2s; elements = { 10.0.0.5 : drop, 10.0.0.6 timeout 1h : drop }; }
    """


@pytest.mark.parametrize(
    "rule",
    [
        "ip saddr @s drop",
        "ip saddr . th dport @pairs drop",
        "ip saddr != @s counter accept\ndrop",
        "meta mark set ip saddr map @marks\nmeta mark 5 drop",
        "ip saddr vmap @v",
    ],
)
def test_elements_that_nobody_writes_live_for_a_time(rule):
    """From the first packet on, whatever the kind of set or map."""
    bench = Bench(table(FADING + chain("c", "forward", rule)))
    found = [bench.judge(at(seconds, src=0x0A000005)) for seconds in (0, 1.9, 2, 3, 100)]
    assert found == [("drop", True)] * 2 + [("accept", True)] * 3


def test_verdict_map_that_packets_write_to_is_open():
    """Elements that are deleted are not followed: whether one is there is unknown."""
    known = "map v { type ipv4_addr : verdict; flags dynamic; elements = { 10.0.0.5 : drop }; }\n"
    text = table(known + chain("c", "forward", "ip saddr vmap @v\ntcp dport 9 delete @v { ip saddr }"))
    assert Bench(text).judge(at(0, src=0x0A000005)) == ("accept", False)
