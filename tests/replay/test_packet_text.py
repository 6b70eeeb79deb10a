"""The little language of packets."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcapaudit.core import consts
from pcapaudit.core.errors import SelectorError
from pcapaudit.replay.packet_text import EXAMPLE, MAX_PACKETS, parse_packets


def one(text):
    """The only packet of a text."""
    (packet,) = parse_packets(text)
    return packet


def test_example():
    """The one that messages give."""
    packet = one(EXAMPLE)
    assert (packet.come_by, packet.leave_by, packet.path) == ("lan", "", None)
    assert (packet.proto, packet.source, packet.sport) == (consts.PROTO_TCP, ip_address("10.0.0.5"), 4000)
    assert (packet.target, packet.dport, packet.flags) == (ip_address("192.0.2.1"), 443, consts.TCP_SYN)


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("out wan", "leave_by", "wan"),
        ("forward", "path", consts.PATH_FORWARD),
        ("input", "path", consts.PATH_INPUT),
        ("output", "path", consts.PATH_OUTPUT),
        ("syn,ack", "flags", consts.TCP_SYN | consts.TCP_ACK),
        ("fin-ack", "flags", consts.TCP_FIN | consts.TCP_ACK),
        ("flags rst", "flags", consts.TCP_RST),
        ("seq 7", "seq", 7),
        ("acked 0xffffffff", "ack", 0xFFFFFFFF),
        ("ct established", "ct_state", consts.CT_ESTABLISHED),
        ("mark 0x10", "mark", 16),
        ("length 1500", "length", 1500),
        ("ttl 1", "ttl", 1),
        ("after 1m30s", "after_ns", 90 * 10**9),
    ],
)
@pytest.mark.parametrize("order", ["{} tcp 10.0.0.5:1 > 10.0.0.6:2", "tcp 10.0.0.5:1 > 10.0.0.6:2 {}", "tcp {} 10.0.0.5:1 > 10.0.0.6:2"])
def test_words_in_any_order(words, field, value, order):
    """Before, behind and between the others."""
    assert getattr(one(order.format(words)), field) == value


def test_icmp_types():
    """By name or number; an echo request if none is given."""
    assert one("icmp 10.0.0.1 > 10.0.0.2").icmp_type == 8
    assert one("icmpv6 fd00::1 > fd00::2").icmp_type == 128
    assert one("icmp 10.0.0.1 > 10.0.0.2 type destination-unreachable code 3").icmp_code == 3
    assert one("icmpv6 [fd00::1] > fd00::2 type 1").icmp_type == 1


def test_conversation():
    """Packets between semicolons, each with its part of the text."""
    packets = parse_packets(" udp 10.0.0.1:1 > 10.0.0.2:2 ;; after 5s udp [fd00::1]:1 > [fd00::2]:2; ")
    assert [each.text for each in packets] == ["udp 10.0.0.1:1 > 10.0.0.2:2", "after 5s udp [fd00::1]:1 > [fd00::2]:2"]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "an empty text"),
        ("tcp", 1, "has no SOURCE > DESTINATION"),
        ("10.0.0.1 > 10.0.0.2", 1, "has no protocol"),
        ("tcp 10.0.0.1 > 10.0.0.2", 1, "ports are missing"),
        ("icmp 10.0.0.1:1 > 10.0.0.2:2", 1, "has no ports"),
        ("tcp 10.0.0.1:1 > fd00::1", 1, "different IP versions"),
        ("icmp fd00::1 > fd00::2", 1, "icmpv6 of IPv6"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 syn", 1, "only tcp has flags"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 sny", 29, "expected a protocol"),
        ("tcp 10.0.0.300:1 > 10.0.0.2:2", 5, "'10.0.0.300' is no address"),
        ("tcp 10.0.0.1:99999 > 10.0.0.2:2", 5, "'99999' is no port"),
        ("tcp 10.0.0.1:1 >", 16, "expected a destination"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 ct nwe", 32, "expected a ct state"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 mark x", 34, "expected a number from 0 to 4294967295"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 length 5", 1, "expected 20 to 65535"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 in", 31, "expected the name of an interface or zone, found the end"),
        ("icmp 10.0.0.1 > 10.0.0.2 type x", 31, "expected an ICMP type"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:2 after soon", 35, "expected a duration"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2;" * (MAX_PACKETS + 1), 28 * MAX_PACKETS + 1, "more than"),
    ],
)
def test_errors_show_the_place(text, column, said):
    """With a caret below it, and what was expected."""
    with pytest.raises(SelectorError) as caught:
        parse_packets(text)
    assert said in str(caught.value)
    assert caught.value.column == column


WORDS = st.sampled_from(
    ["in", "out", "tcp", "udp", "icmp", ">", ";", "10.0.0.1:1", "fd00::1", "[::1]:2", "[", "syn", "ct", "new", "type", "after", "9", "::"]
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_packets_or_an_error(text):
    """Nothing else comes of it."""
    try:
        packets = parse_packets(text)
    except SelectorError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        assert all(each.text in text for each in packets)
