"""Two rulesets over one capture: which packets changed, and by what cause."""

import re
from dataclasses import replace

from comparing import CLIENT, SERVER, WEB_ONLY, conversation, difference, told
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import ACCEPT_ALL, DROP_ALL, INSIDE_OUT, START_NS, fragments, icmp, ip, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.regress.changes import Kind

NS = 1_000_000_000


def test_nothing_changes():
    """A ruleset against itself, with its lines moved."""
    found = difference(conversation(), INSIDE_OUT, INSIDE_OUT.replace("\n", "\n\n"))
    assert (found.changes, found.flows, found.frames) == ([], 0, 8)
    assert (found.first_ns, found.last_ns) == (START_NS, START_NS + 7 * NS // 10)


def test_nothing_read():
    """An empty capture."""
    found = difference([], INSIDE_OUT, DROP_ALL)
    assert (found.changes, found.frames, found.first_ns, found.last_ns) == ([], 0, 0, 0)


def test_blocked_syn_takes_the_connection_with_it():
    """One cause: the rule that let the SYN pass, and the policy that does not."""
    packets = conversation() + conversation(server="192.0.2.1:80", at=1) + conversation(client="10.0.0.2:1", at=2)
    found = difference(packets, INSIDE_OUT, WEB_ONLY)
    blocked = told(found)[0]
    assert blocked == "newly-blocked accept@3 > drop@1: 16 packets, 14 consequences, 2 flows (2 whole, 0 part)"
    assert found.packets[Kind.NEWLY_BLOCKED] == 16
    # The third connection began by a rule with other words.
    assert told(found)[1:] == ["other-rule accept@3 > accept@3: 1 packets, 0 consequences, 1 flows (0 whole, 0 part)"]
    first = found.changes[0].examples[0]
    assert (first.frame, first.ts_ns, first.proto) == (1, START_NS, 6)
    assert (first.src, first.sport, first.dst, first.dport) == ("10.0.0.1", 40000, "192.0.2.1", 443)
    assert [example.frame for example in found.changes[0].examples] == [1, 17]


def test_newly_allowed_is_the_mirror():
    """The same the other way round."""
    found = difference(conversation(), WEB_ONLY, INSIDE_OUT)
    assert told(found) == ["newly-allowed drop@1 > accept@3: 8 packets, 7 consequences, 1 flows (1 whole, 0 part)"]


def test_replies_blocked_cut_the_connection():
    """NEW lets connections begin and refuses what comes back; the SYN-ACK is the first, the rest follows from what it saw."""
    new = INSIDE_OUT.replace("ct state established,related accept", 'iifname "inside" ct state established,related accept')
    found = difference(conversation(), INSIDE_OUT, new)
    assert told(found)[0].startswith("newly-blocked accept@2 > drop@1: 4 packets, 0 consequences, 1 flows (0 whole, 1 part)")


def test_timeout_splits_a_flow():
    """The same ruleset under a shorter time-out: the late packet is the cause."""
    packets = [(0, udp(CLIENT, SERVER)), (1, udp(SERVER, CLIENT)), (20, udp(SERVER, CLIENT)), (21, udp(SERVER, CLIENT))]
    short = {"config": ConntrackConfig().with_timeout("udp.unreplied", "10")}
    found = difference(packets, INSIDE_OUT, INSIDE_OUT, old_options={"config": ConntrackConfig()}, **short)
    assert told(found) == ["newly-blocked accept@2 > drop@1: 2 packets, 1 consequences, 1 flows (0 whole, 1 part)"]
    assert (found.changes[0].old.ct_state, found.changes[0].new.ct_state) == (2, 1)
    assert found.changes[0].examples[0].frame == 3


def test_reject_in_place_of_drop():
    """Blocked as before, but the sender is told."""
    found = difference([(0, udp(CLIENT, SERVER))], DROP_ALL, DROP_ALL.replace("policy drop;", "policy drop; reject"))
    assert told(found) == ["reason-changed drop@1 > reject@1: 1 packets, 0 consequences, 1 flows (0 whole, 0 part)"]


def test_rule_in_place_of_policy_is_no_other_reason():
    """The same verdict, another decider."""
    found = difference([(0, udp(CLIENT, SERVER))], DROP_ALL, DROP_ALL.replace("policy drop;", "policy drop; drop"))
    assert told(found) == ["other-rule drop@1 > drop@1: 1 packets, 0 consequences, 1 flows (0 whole, 0 part)"]


def test_icmp_error_about_a_blocked_flow_is_its_consequence():
    """It makes no flow of its own."""
    query = udp(CLIENT, SERVER)
    error = icmp("192.0.2.1", "10.0.0.1", 3, 3, ident=0, data=query)
    found = difference([(0, query), (1, error)], INSIDE_OUT, WEB_ONLY)
    assert told(found) == ["newly-blocked accept@3 > drop@1: 2 packets, 1 consequences, 1 flows (1 whole, 0 part)"]
    assert found.changes[0].protocols == {17: 1, 1: 1}


def test_example_of_an_icmp_packet():
    """Type and code in place of ports; IPv6 addresses as written."""
    found = difference([(0, icmp("fd00::1", "2001:db8::1", 128)), (1, ip("10.0.0.1", "192.0.2.1", 47, b"\0" * 4))], ACCEPT_ALL, DROP_ALL)
    example = found.changes[0].examples[0]
    assert (example.src, example.dst, example.sport, example.dport, example.icmp) == ("fd00::1", "2001:db8::1", None, None, (128, 0))
    assert found.changes[0].examples[1].icmp is None


def test_port_reuse_is_two_flows():
    """Refused, they look like one."""
    packets = conversation() + conversation(at=300)
    found = difference(packets, INSIDE_OUT, DROP_ALL)
    assert told(found) == ["newly-blocked accept@3 > drop@1: 16 packets, 14 consequences, 2 flows (2 whole, 0 part)"]
    assert found.flows == 2


def test_undecided_packets_are_counted():
    """A verdict that hangs on an unknown interface is no certain change."""
    new = DROP_ALL.replace("policy drop;", 'policy drop; iifname "eth7" accept')
    found = difference([(0, udp(CLIENT, SERVER)), (1, udp(CLIENT, SERVER))], ACCEPT_ALL, new)
    assert (found.undecided, found.undecided_changed) == (2, 2)


def test_max_examples():
    """As many as asked for."""
    packets = [(n, udp(f"10.0.0.{n}:1", SERVER)) for n in range(9)]
    assert [len(difference(packets, ACCEPT_ALL, DROP_ALL, max_examples=n).changes[0].examples) for n in (0, 1, 20)] == [0, 1, 9]


def test_every_frame_of_a_datagram_is_a_changed_packet():
    """Also those that waited for the others, in batches of their own."""
    packets = [(n, part) for n, part in enumerate(fragments(udp("10.0.0.1:53", "192.0.2.1:53", bytes(200)), 48, 96))]
    for rows in (1, 4096):
        found = difference(packets, ACCEPT_ALL, DROP_ALL, rows=rows)
        assert told(found) == ["newly-blocked accept@1 > drop@1: 3 packets, 0 consequences, 1 flows (1 whole, 0 part)"]
        assert found.changes[0].first_frame == 1


# Properties -----------------------------------------------------------------------------------------------------------------------

RULES = st.lists(
    st.sampled_from(
        [
            "ct state established,related accept",
            "ct state invalid drop",
            'iifname "inside" ct state new accept',
            "tcp dport 443 accept",
            "tcp dport 443 drop",
            "udp dport 53 reject",
            "udp dport 53 accept",
            "ip protocol icmp accept",
            "ct state new drop",
            "tcp flags syn / syn,ack accept",
        ]
    ),
    max_size=5,
)
RULESETS = st.builds(
    lambda rules, policy: DROP_ALL.replace("policy drop;", "\n".join([f"policy {policy};", *rules, ""])),
    RULES,
    st.sampled_from(["accept", "drop"]),
)
PACKETS = st.lists(
    st.sampled_from(
        [
            *(packet for _, packet in conversation()),
            *(packet for _, packet in conversation(client="10.0.0.2:7")),
            tcp(SERVER, CLIENT, "R", 1),
            udp("10.0.0.1:53", "192.0.2.1:53"),
            udp("192.0.2.1:53", "10.0.0.1:53"),
            icmp("10.0.0.1", "192.0.2.1", 8),
            icmp("192.0.2.1", "10.0.0.1", 0),
            icmp("192.0.2.1", "10.0.0.1", 3, 3, ident=0, data=udp("10.0.0.1:53", "192.0.2.1:53")),
            b"\0" * 20,
            *fragments(udp("10.0.0.1:53", "192.0.2.1:53", bytes(100)), 48),
            *fragments(udp("192.0.2.9:5", "10.0.0.1:53", bytes(100)), 48, 80),
        ]
    ),
    max_size=40,
).map(lambda packets: [(n * 7.0, packet) for n, packet in enumerate(packets)])
SWAPPED = {
    Kind.NEWLY_BLOCKED: Kind.NEWLY_ALLOWED,
    Kind.NEWLY_ALLOWED: Kind.NEWLY_BLOCKED,
    Kind.REASON_CHANGED: Kind.REASON_CHANGED,
    Kind.OTHER_RULE: Kind.OTHER_RULE,
}


def whole(change):
    """All that is known of a change."""
    return change.kind, change.old, change.new, change.examples, plain(change)


def plain(change):
    """A change as a dict without its kind and sides."""
    names = ("packets", "consequences", "frame_bytes", "flows", "whole", "part", "first_frame", "last_frame", "parts")
    return {name: getattr(change, name) for name in names}


@settings(deadline=None, max_examples=60)
@given(PACKETS, RULESETS)
def test_property_ruleset_does_not_differ_from_itself(packets, rules):
    """Whatever the packets and the rules."""
    assert difference(packets, rules, re.sub("\n", "\n\n", rules)).changes == []


@settings(deadline=None, max_examples=100)
@given(PACKETS, RULESETS, RULESETS)
def test_property_mirror(packets, old, new):
    """diff(NEW, OLD) is diff(OLD, NEW) with the kinds swapped."""
    there, back = difference(packets, old, new), difference(packets, new, old)
    assert {SWAPPED[kind]: count for kind, count in there.packets.items()} == back.packets
    assert there.flows == back.flows
    mirrored = {(SWAPPED[each.kind], each.new, each.old): plain(each) for each in there.changes}
    assert mirrored == {(each.kind, each.old, each.new): plain(each) for each in back.changes}


@settings(deadline=None, max_examples=100)
@given(PACKETS, RULESETS, RULESETS, st.integers(1, 7))
def test_property_batches_make_no_difference(packets, old, new, rows):
    """However the capture is cut."""
    one, other = difference(packets, old, new, rows=rows), difference(packets, old, new)
    assert replace(one, changes=[]) == replace(other, changes=[])
    assert list(map(whole, one.changes)) == list(map(whole, other.changes))


@settings(deadline=None, max_examples=60)
@given(PACKETS, RULESETS, RULESETS)
def test_property_counts_add_up(packets, old, new):
    """Every changed packet is in one change; consequences are some of them."""
    found = difference(packets, old, new)
    for kind in Kind:
        booked = sum(each.packets for each in found.changes if each.kind is kind)
        assert booked >= found.packets[kind] if kind.strong else booked <= found.packets[kind]
    assert sum(each.packets for each in found.changes) == sum(found.packets.values()) <= len(packets)
    assert all(each.consequences < each.packets for each in found.changes)
    assert all(each.whole + each.part <= each.flows <= found.flows for each in found.changes)
