"""The tables of names: what stands in them fits its field, and the numbers are those that other parts use."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcapaudit.core import consts
from pcapaudit.rules import tables

#: table → bits of the field that it names values of
WIDTHS = {
    "SERVICES": 16,
    "PROTOCOLS": 8,
    "ICMP_TYPES": 8,
    "ICMP_CODES": 8,
    "ICMPV6_TYPES": 8,
    "ICMPV6_CODES": 8,
    "ICMPX_CODES": 8,
    "CT_STATES": 32,
    "CT_STATUS": 32,
    "CT_DIRECTIONS": 8,
    "NF_PROTOCOLS": 8,
    "PACKET_TYPES": 8,
    "ETHER_TYPES": 16,
    "FIB_TYPES": 32,
    "IFACE_TYPES": 16,
    "IGMP_TYPES": 8,
    "ARP_OPERATIONS": 16,
    "DAYS": 8,
    "DSCP": 6,
    "ECN": 2,
    "TCP_FLAGS": 8,
}


@pytest.mark.parametrize("name", WIDTHS)
def test_numbers_fit_their_field(name):
    """Names are words of the language, numbers those of the field."""
    table = getattr(tables, name)
    assert table
    assert all(0 <= number < 1 << WIDTHS[name] for number in table.values())
    assert all(text and not set(text) & set(' \t"{}(),;=') for text in table)


@pytest.mark.parametrize("name", ["CT_STATES", "CT_STATUS", "TCP_FLAGS"])
def test_masks_are_single_bits(name):
    """Names of bits can be joined."""
    numbers = list(getattr(tables, name).values())
    assert all(number.bit_count() == 1 for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_every_table_is_tested_here():
    """A new table needs its width."""
    found = {name for name, value in vars(tables).items() if name.isupper() and isinstance(value, dict)}
    assert found == {*WIDTHS, "SECONDS_PER", "HOOK_NUMBERS", "HOOKS", "PRIORITIES"}


def test_hook_numbers_are_those_of_the_columns():
    """The column ``hook`` holds them."""
    for name in ("prerouting", "input", "forward", "output", "postrouting"):
        assert tables.HOOK_NUMBERS[name] == getattr(consts, f"HOOK_{name.upper()}")


def test_every_hook_of_a_family_has_a_number():
    """And every family has its hooks."""
    assert set(tables.HOOKS) == set(tables.FAMILIES)
    assert {hook for hooks in tables.HOOKS.values() for hook in hooks} == set(tables.HOOK_NUMBERS)


def test_tcp_flags_are_those_of_the_column():
    """The column ``tcp_flags`` holds the byte of the header."""
    flags = {"fin": "FIN", "syn": "SYN", "rst": "RST", "psh": "PSH", "ack": "ACK", "urg": "URG"}
    assert {name: tables.TCP_FLAGS[name] for name in flags} == {name: getattr(consts, f"TCP_{text}") for name, text in flags.items()}


def test_status_bits_are_those_of_the_column():
    """``ct status`` compares the column with the kernel's bits."""
    names = {"expected": "EXPECTED", "seen-reply": "SEEN_REPLY", "assured": "ASSURED", "confirmed": "CONFIRMED"}
    for name, text in names.items():
        if hasattr(consts, f"STATUS_{text}"):
            assert tables.CT_STATUS[name] == getattr(consts, f"STATUS_{text}")


def test_priorities_keep_the_kernels_order():
    """As linux/netfilter_ipv4.h numbers them."""
    assert sorted(tables.PRIORITIES, key=tables.PRIORITIES.get) == ["raw", "mangle", "dstnat", "filter", "security", "srcnat"]


@pytest.mark.parametrize(("table", "path"), [("PROTOCOLS", "/etc/protocols"), ("SERVICES", "/etc/services")])
def test_names_agree_with_the_machine(table, path):
    """Where a machine knows a name of ours it has the same number (another distribution may know fewer, or more)."""
    if not Path(path).exists():
        pytest.skip(f"no {path}")
    known = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        name, number, *aliases = [*line.partition("#")[0].split(), "", ""]
        number, _, transport = number.partition("/")
        if name and transport in ("", "tcp", "udp", "sctp"):
            for each in (name, *aliases):
                known.setdefault(each, int(number))
    ours = getattr(tables, table)
    assert {name: (number, known[name]) for name, number in ours.items() if known.get(name, number) != number} == {}
