"""From the model to the arrays: numbers and places of rules, order of chains, notes, and what rules become."""

from __future__ import annotations

import pytest
from reference_rules import Packet
from rules_bench import Bench, forward

from pcapaudit.core import consts
from pcapaudit.rules import compile_ruleset, ops, parse_ruleset

V4, V6 = 0, 1


def program(text, interfaces=("inside", "outside"), assumed=True):
    return compile_ruleset(parse_ruleset(text, "x.nft"), interfaces, assumed)


def code_of(made, slot=0):
    """Operations of a slot, up to the one that ends it."""
    found, at = [], made.slot_start[slot]
    while True:
        found.append(made.code[at])
        if made.code[at] >= ops.OP_ACCEPT or made.code[at] == ops.OP_END:
            return found
        at += 4


def planned(made, path, l3=V4, raw=False):
    """Names of the base chains of a path in order."""
    return [made.chains[each.chain + 1].name for each in made.plans[raw][path][l3]]


def bases(*chains, family="inet"):
    """A table of empty base chains from (name, hook, priority) or (name, hook, priority, type)."""
    made = "\n".join(
        f"chain {name} {{ type {(kind or ['filter'])[0]} hook {hook} priority {priority}; }}" for name, hook, priority, *kind in chains
    )
    return f"table {family} t {{\n{made}\n}}\n"


# What reports say ------------------------------------------------------------------------------------------------------------------


def test_rules_are_numbered_through_the_file():
    """From 1, over all chains and tables; each knows where it stands and how it reads."""
    made = program(forward('tcp dport 22 accept comment "shell"\ndrop') + "table ip u { chain x {\naccept\n}; }")
    assert made.rules[0] is None
    assert [(each.id, each.family, each.table, each.chain, each.text) for each in made.rules[1:]] == [
        (1, "inet", "t", "c", 'tcp dport 22 accept comment "shell"'),
        (2, "inet", "t", "c", "drop"),
        (3, "ip", "u", "x", "accept"),
    ]
    assert [made.location(number) for number in (0, 1, 2, 3)] == ["", "x.nft:4", "x.nft:5", "x.nft:9"]
    assert (made.rules[1].comment, made.rules[1].column) == ("shell", 1)


def test_chains_are_numbered_through_the_file():
    """With the place of the policy, or of the chain where it is not written."""
    made = program("table ip t {\nchain a {\ntype filter hook input priority 5\npolicy drop\n}\nchain b { }\n}\n")
    a, b = made.chains[1:]
    assert (a.id, a.name, a.hook, a.priority, a.policy, a.path, a.policy_line) == (1, "a", "input", 5, "drop", "x.nft", 4)
    assert (b.id, b.name, b.hook, b.priority, b.policy, b.policy_line) == (2, "b", "", 0, "", 6)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (bases(("c", "forward", 0)), []),
        ("table ip t { chain x { }; }", ["no base chain that sees IP packets: everything is accepted"]),
        (bases(("c", "forward", 0), family="ip"), ["no chain of the ruleset sees IPv6 packets"]),
        (bases(("c", "forward", 0), family="ip6"), ["no chain of the ruleset sees IPv4 packets"]),
        (bases(("c", "forward", 0)) + "table arp a { }", ["table arp a is read and not evaluated"]),
        (bases(("c", "forward", 0)) + "table ip d { flags dormant; }", ["table ip d is dormant"]),
        (forward('iifname "eth7" accept'), ['interface "eth7" (x.nft:4) is not one of the assumed interfaces']),
        (forward('iifname "wg*" accept'), ['interface "wg*" (x.nft:4) is not one of the assumed interfaces']),
        (forward('iifname "in*" accept\niifname "lo" accept\noifname { "inside", "outside" } accept'), []),
        (forward("ct count over 20 drop"), []),
        (forward("queue"), ["queue"]),
    ],
)
def test_notes(text, notes):
    """What the person should know, in a line each."""
    found = program(text).notes
    assert len(found) == len(notes)
    assert all(part in note for part, note in zip(notes, found, strict=True))


def test_known_topology_has_no_foreign_interfaces():
    """What is not one of its names is simply not there."""
    assert program(forward('iifname "eth7" accept'), ("eth0",), assumed=False).notes == []


# Order of evaluation ---------------------------------------------------------------------------------------------------------------


def test_chains_run_by_hook_and_priority():
    """Within a hook from the lowest to the highest; of two with one priority the one made last."""
    made = program(bases(("a", "forward", 10), ("b", "forward", 0), ("d", "forward", 0), ("e", "prerouting", 5), ("f", "postrouting", -5)))
    assert planned(made, consts.PATH_FORWARD) == ["e", "d", "b", "a", "f"]
    assert planned(made, consts.PATH_INPUT) == ["e"]
    assert planned(made, consts.PATH_OUTPUT) == ["f"]


def test_chains_before_conntrack_are_raw():
    """Below -200 at prerouting and output only."""
    made = program(bases(("a", "prerouting", -300), ("b", "output", -201), ("d", "prerouting", -200), ("e", "forward", -300)))
    assert made.has_raw
    assert planned(made, consts.PATH_FORWARD, raw=True) == ["a"]
    assert planned(made, consts.PATH_OUTPUT, raw=True) == ["b"]
    assert planned(made, consts.PATH_FORWARD) == ["d", "e"]
    assert not program(bases(("d", "prerouting", -200), ("e", "forward", -300))).has_raw


@pytest.mark.parametrize(("family", "versions"), [("ip", [V4]), ("ip6", [V6]), ("inet", [V4, V6]), ("bridge", []), ("arp", [])])
def test_families_see_their_packets(family, versions):
    """And the others see none of IP at an IP hook."""
    made = program(bases(("a", "input", 0), family=family))
    assert [l3 for l3 in (V4, V6) if planned(made, consts.PATH_INPUT, l3)] == versions


def test_dormant_table_runs_nothing():
    """Its rules keep their numbers."""
    made = program(forward("drop").replace("chain c", "flags dormant\nchain c"))
    assert planned(made, consts.PATH_FORWARD) == []
    assert len(made.rules) == 2


@pytest.mark.parametrize(
    ("hooks", "path"),
    [
        (["forward"], consts.PATH_FORWARD),
        (["input", "forward"], consts.PATH_FORWARD),
        (["input"], consts.PATH_INPUT),
        (["input", "output"], consts.PATH_INPUT),
        (["output"], consts.PATH_OUTPUT),
        (["prerouting"], consts.PATH_FORWARD),
        (["input", "postrouting"], consts.PATH_INPUT),
    ],
)
def test_main_path_is_where_the_ruleset_decides(hooks, path):
    """For packets whose way is not known."""
    assert program(bases(*((hook, hook, 0) for hook in hooks))).main_path == path


# Rules -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("accept", [ops.OP_ACCEPT]),
        ("drop", [ops.OP_DROP]),
        ("return", [ops.OP_RETURN]),
        ("tcp dport 22 reject with tcp reset", [ops.OP_MATCH, ops.OP_REJECT]),
        ("reject with tcp reset", [ops.OP_MATCH, ops.OP_REJECT]),
        ("reject with icmp host-unreachable", [ops.OP_MATCH, ops.OP_REJECT]),
        ("ip ttl 1 reject with icmp host-unreachable", [ops.OP_MATCH, ops.OP_REJECT]),
        ("reject", [ops.OP_REJECT]),
        ("continue", [ops.OP_END]),
        ("counter log", [ops.OP_END]),
        ("counter", [ops.OP_END]),
        ("tcp dport 22 accept", [ops.OP_MATCH, ops.OP_ACCEPT]),
        ("tcp dport 22 counter", [ops.OP_MATCH, ops.OP_END]),
        ("limit rate 1/second accept", [ops.OP_LIMIT, ops.OP_ACCEPT]),
        ("ip saddr . tcp dport { 1.2.3.4 . 22 } drop", [ops.OP_PART, ops.OP_PART, ops.OP_TUPLE, ops.OP_DROP]),
    ],
)
def test_instructions(text, operations):
    """A match or two, and the verdict; what changes nothing is no instruction."""
    assert code_of(program(forward(text))) == operations


@pytest.mark.parametrize("text", ["jump x", "goto x"])
def test_jumps_name_the_chain_by_its_index(text):
    """Of the same table, wherever it stands."""
    made = program("table ip a { chain q { }; }\ntable ip t {\nchain c {\n" + text + "\n}\nchain x { }\n}")
    at = made.slot_start[0]
    assert made.code[at] == (ops.OP_JUMP if text.startswith("jump") else ops.OP_GOTO)
    assert made.chains[made.code[at + 1] + 1].name == "x"


def test_verdict_map_is_a_slot_for_each_element():
    """All of one rule; a limit in front of it is asked once."""
    made = program(forward("limit rate 1/second tcp dport vmap { 22 : accept, 80 : drop }\naccept"))
    assert list(made.slot_rule) == [1, 1, 2]
    assert code_of(made, 0)[0] == ops.OP_LIMIT
    assert code_of(made, 1)[0] == ops.OP_SAME_LIMIT
    assert (made.chain_first[0], made.chain_stop[0]) == (0, 3)


def test_short_code_leaves_out_what_the_filter_answers():
    """Not the addresses, which have no table."""
    made = program(forward("ct state new ip saddr 1.2.3.4 tcp dport 22 accept\naccept"))
    assert made.slot_short[0] != made.slot_start[0]
    assert [made.code[made.slot_short[0] + 4 * step] for step in (0, 1)] == [ops.OP_MATCH, ops.OP_ACCEPT]
    assert made.slot_short[1] == made.slot_start[1]


def test_equal_loads_and_tests_are_kept_once():
    """A thousand rules about one port cost one test."""
    one, many = program(forward("tcp dport 22 accept")), program(forward("tcp dport 22 accept\n" * 50))
    assert len(one.loads) == len(many.loads)
    assert len(one.pool) == len(many.pool)


@pytest.mark.parametrize(
    ("text", "remembers"),
    [("accept", False), ("ct state new accept", False), ("limit rate 1/second accept", True), ("quota 5 bytes accept", True)],
)
def test_program_that_remembers_packets(text, remembers):
    """Such a run cannot be cut into pieces."""
    assert program(forward(text)).has_global_state == remembers


def test_bucket_is_what_the_kernel_makes_of_it():
    """Tokens are nanoseconds: a packet at 10/second costs a tenth of a second, five of them fit in."""
    made = program(forward("limit rate over 10/second burst 5 packets drop"))
    largest, last, size, cost, period, rate, flags, tainted = made.limits[: ops.LIMIT_WORDS]
    assert (largest, last, size, cost, period, rate, tainted) == (500_000_000, -1, 500_000_000, 100_000_000, 1_000_000_000, 10, 0)
    assert flags == ops.LIMIT_OVER


def test_interface_rows():
    """One answer for each interface, then for none, then for not known."""
    made = program(forward('iifname "inside" accept'))
    at = made.code[made.slot_start[0] + 3]
    assert list(made.ifaces[at : at + 4]) == [ops.YES, ops.NO, ops.NO, ops.UNKNOWN]
    made = program(forward('iifname "eth7" accept'))
    at = made.code[made.slot_start[0] + 3]
    assert list(made.ifaces[at : at + 4]) == [ops.UNKNOWN, ops.UNKNOWN, ops.NO, ops.UNKNOWN]
    made = program(forward('iifname "eth7" accept'), assumed=False)
    at = made.code[made.slot_start[0] + 3]
    assert list(made.ifaces[at : at + 4]) == [ops.NO, ops.NO, ops.NO, ops.UNKNOWN]


def test_empty_ruleset_accepts():
    """And says so."""
    bench = Bench("table ip t { }")
    assert bench.judge(Packet()) == ("accept", True)
    assert len(bench.program.notes) == 1


def test_large_set_is_one_test():
    """A block list of ten thousand networks: as fast to run as one, and compiled at once."""
    elements = ", ".join(f"10.{i >> 8}.{i & 255}.0/25" for i in range(10_000))
    made = program(forward(f"ip saddr {{ {elements} }} drop"))
    assert code_of(made) == [ops.OP_MATCH, ops.OP_DROP]
    assert made.code[made.slot_start[0] + 2] == ops.TEST_SEARCH64
