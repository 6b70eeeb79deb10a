"""The filter in front of a chain's rules: it may let too much through, and never too little."""

from __future__ import annotations

from array import array

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_rules import INTERFACES, packets, rulesets
from reference_rules import PATHS, Packet, Reference
from rules_bench import BATCH, VERDICTS_OUT, Bench, forward

from pcapaudit.rules import compile_ruleset, parse_ruleset, prefilter
from pcapaudit.rules.evaluate import Evaluator
from pcapaudit.rules.prefilter import ALL_PROTOCOLS, ALL_STATES, FILTER_WORDS, Filters, SlotFilter

QUICK = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
NONE, UNKNOWN = len(INTERFACES), len(INTERFACES) + 1


def allowed(filters, head, packet):
    """Numbers of the slots that the tables leave a packet: (state, protocol, iif, oif, dport or None)."""
    state, protocol, iif, oif, dport = packet
    width = filters.words[head]
    port = len(filters.dport_values) if dport is None else filters.dport_class[dport]
    classes = (state, filters.protocol_class[protocol], iif, oif, port)
    bits = (1 << 64 * width) - 1
    for place, number in enumerate(classes, 1):
        table = filters.words[head + place]
        if table:
            row = filters.words[table + number * width : table + (number + 1) * width]
            bits &= int.from_bytes(b"".join(word.to_bytes(8, "little") for word in row), "little")
    return {slot for slot in range(64 * width) if bits >> slot & 1}


ports = st.integers(0, 65535)
intervals = st.lists(st.tuples(ports, ports).map(lambda pair: (min(pair), max(pair))), max_size=3).map(
    lambda found: [each for at, each in enumerate(sorted(found)) if not at or each[0] > sorted(found)[at - 1][1] + 1]
)
slots = st.builds(
    SlotFilter,
    states=st.integers(0, ALL_STATES),
    protocols=st.sampled_from([ALL_PROTOCOLS, 1 << 6, 1 << 6 | 1 << 262, 1 << 17, (1 << 256) - 1]),
    iif=st.one_of(st.none(), st.integers(0, 15)),
    oif=st.one_of(st.none(), st.integers(0, 15)),
    dports=st.one_of(st.none(), intervals),
)


@QUICK
@given(
    st.lists(slots, min_size=1, max_size=70),
    st.tuples(
        st.integers(0, 5), st.sampled_from([6, 17, 262, 273, 511]), st.integers(0, 3), st.integers(0, 3), st.one_of(st.none(), ports)
    ),
)
def test_tables_say_what_the_slots_ask_for(chain, packet):
    """A slot is left exactly when each of the five properties allows the packet's class; a packet without a port is let through."""
    filters = Filters()
    filters.classify(chain)
    head = filters.add_chain(chain, len(INTERFACES))
    state, protocol, iif, oif, dport = packet
    expected = {
        number
        for number, each in enumerate(chain)
        if each.states >> state & 1
        and each.protocols >> protocol & 1
        and (each.iif is None or each.iif >> iif & 1)
        and (each.oif is None or each.oif >> oif & 1)
        and (each.dports is None or dport is None or any(first <= dport <= last for first, last in each.dports))
    }
    assert allowed(filters, head, packet) == expected


@QUICK
@given(rulesets(), packets())
def test_filter_never_loses_a_rule_that_would_match(ruleset, packet):
    """Whatever the answers to unknown matches: a rule that the reference ends with a verdict is among those left."""
    program = compile_ruleset(ruleset, INTERFACES, True)
    reference = Reference(ruleset, INTERFACES)
    index = 0
    for table in ruleset.tables:
        for chain in table.chains:
            first, stop = program.chain_first[index], program.chain_stop[index]
            head = program.chain_filter[index]
            index += 1
            hook = chain.base.hook if chain.base else "forward"
            sees = table.family not in ({4: ("ip6",), 6: ("ip",)}[packet.l3])
            if not chain.rules or not sees or hook not in PATHS[packet.path] or (chain.base and chain.base.priority < -200):
                continue
            left = {program.slot_rule[first + slot] for slot in _left(program, head, packet, hook, stop - first)}
            for number, rule in enumerate(chain.rules):
                reference.answers, reference.asked = [True] * 20, 0
                if reference._rule(packet, table, rule, (False, hook)) is not None:
                    assert program.slot_rule[first] + number in left


def _left(program, head, packet, hook, count):
    def column(name):
        return UNKNOWN if name is None else NONE if name == "" else INTERFACES.index(name)

    iif = NONE if hook == "output" else column(packet.iif)
    oif = NONE if hook in ("prerouting", "input") else column(packet.oif)
    protocol = packet.proto + (256 if packet.l3 == 6 else 0)
    dport = packet.dport if packet.form == "whole" else None
    found = allowed(program.filters, head, (packet.ct_state, protocol, iif, oif, dport))
    assert max(found, default=0) < count
    return found


@QUICK
@given(rulesets(with_limits=True), st.lists(packets(), min_size=1, max_size=5))
def test_filter_changes_no_verdict(ruleset, stream):
    """Against the same program with tables that let everything through, and rules that answer all their matches themselves."""
    filtered, plain = Bench(ruleset), Bench(ruleset)
    program = plain.program
    words = program.filters.words
    for head in filter(None, program.chain_filter):
        words[head + 3 : head + FILTER_WORDS] = array("Q", [0, 0, 0])
        for place, rows in ((1, 6), (2, len(program.filters.protocol_values))):
            size = rows * words[head]
            words[words[head + place] : words[head + place] + size] = array("Q", [(1 << 64) - 1] * size)
    for number, start in enumerate(program.slot_start):
        program.slot_short[number] = start
    for index, (first, stop) in enumerate(zip(program.chain_first, program.chain_stop, strict=True)):
        _mask_beyond(words, program.chain_filter[index], stop - first)
    plain.evaluator = Evaluator(program, BATCH, VERDICTS_OUT)
    for packet in stream:
        assert plain.judge(packet) == filtered.judge(packet)
        assert (plain.rule, plain.cause) == (filtered.rule, filtered.cause)


def _mask_beyond(words, head, count):
    """No bits of slots that the chain does not have, in the table of states."""
    if head:
        width = words[head]
        for row in range(6):
            for word in range(width):
                bits = max(0, min(64, count - 64 * word))
                words[words[head + 1] + row * width + word] = (1 << bits) - 1


def test_every_slot_is_narrowed_by_what_stands_before_its_first_limit():
    """A limit takes tokens even if what follows fails, so that what follows must not keep the rule from being run."""
    program = compile_ruleset(parse_ruleset(forward("limit rate 1/second tcp dport 22 accept\ntcp dport 22 limit rate 1/second accept")))
    head = program.chain_filter[0]
    assert allowed(program.filters, head, (1, 17, 0, 0, 53)) == {0}
    assert allowed(program.filters, head, (1, 6, 0, 0, 22)) == {0, 1}


def test_narrowing_twice_leaves_what_both_allow():
    """Interfaces and ports."""
    slot = SlotFilter()
    slot.narrow_interface("iif", 0b110)
    slot.narrow_interface("iif", 0b011)
    slot.narrow_dports([(1, 10), (20, 30)])
    slot.narrow_dports([(5, 25)])
    assert (slot.iif, slot.oif, slot.dports) == (0b010, None, [(5, 10), (20, 25)])


def test_equal_ports_share_a_class():
    """A thousand ports that no rule tells apart are one row."""
    filters = Filters()
    filters.classify([SlotFilter(dports=[(80, 90), (443, 443)]), SlotFilter(dports=[(85, 100)])])
    assert filters.dport_values == [0, 80, 85, 91, 101, 443, 444]
    assert filters.dport_class[84] == filters.dport_class[80] != filters.dport_class[85]
    assert filters.uses_dport


def test_chain_without_rules_has_no_filter():
    """And one that asks for nothing has no tables of interfaces or ports."""
    filters = Filters()
    filters.classify([SlotFilter()])
    assert filters.add_chain([], 2) == 0
    head = filters.add_chain([SlotFilter()], 2)
    assert list(filters.words[head + 3 : head + FILTER_WORDS]) == [0, 0, 0]
    assert not filters.uses_dport


def test_table_of_ports_that_would_be_too_large_is_left_out(monkeypatch):
    """The rules then look at the port themselves; the verdict is the same."""
    monkeypatch.setattr(prefilter, "_MAX_TABLE", 1)
    bench = Bench(forward("tcp dport 22 accept\nudp dport 53 accept"))
    assert bench.program.filters.words[bench.program.chain_filter[0] + 5] == 0
    assert bench.judge(Packet(dport=22)) == ("accept", True)
    assert bench.judge(Packet(dport=53)) == ("drop", True)
