"""Counts of connections; that rules with them equal the kernel's is tested in ``tests/conformance`` (conncount)."""

from __future__ import annotations

import pytest
from rules_bench import BATCH, forward

from pcapaudit.core import consts
from pcapaudit.rules import compile_ruleset, ops, parse_ruleset
from pcapaudit.rules.counts import ABSENT, ASSURED, CLOSED, CONFIRMED, MAYBE, OPEN, UNCONFIRMED, ConnectionCounts

MS = 1_000_000
OVER = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m connlimit --connlimit-above 1 --connlimit-mask 24 -j DROP\nCOMMIT\n"


class Table:
    """A connection table that says what the test wants."""

    def __init__(self):
        self.packet, self.found, self.doubts = ("a", UNCONFIRMED), {}, False

    def of(self, i, now):
        """Of the packet."""
        return self.packet

    def standing(self, key, now):
        """Of a tuple."""
        return self.found.get(key, ABSENT)


class Bench:
    """The counts of a ruleset over such a table."""

    def __init__(self, text):
        self.counts = ConnectionCounts(compile_ruleset(parse_ruleset(text)), BATCH)
        self.table = self.counts.connections = Table()
        BATCH.arrays["path"][0] = consts.PATH_INPUT

    def packet(self, key, lies=UNCONFIRMED, at=0, main=1):
        """Answer for a packet of a connection."""
        self.table.packet = None if key is None else (key, lies)
        return self.counts.judge(0, at * MS, 0, main)


def bench(text="ct count over 1 drop"):
    """Counts of a forward chain."""
    return Bench(forward(text))


def test_new_connections_are_counted_until_they_are_gone():
    """A refused one leaves nothing; a closed one does not count."""
    subject = bench()
    assert subject.packet("a", at=0) == ops.NO
    subject.table.found["a"] = OPEN
    assert subject.packet("b", at=5) == ops.YES
    assert subject.packet("c", at=9) == ops.YES
    subject.table.found["a"] = CLOSED
    assert subject.packet("d", at=12) == ops.NO


def test_connection_counts_once():
    """Its later packets find it on the list, an assured one only looks through it."""
    subject = bench("ct count 1 accept")
    assert subject.packet("a") == ops.YES
    subject.table.found["a"] = OPEN
    assert [subject.packet("a", lies, at) for lies, at in ((CONFIRMED, 3), (ASSURED, 5), (CONFIRMED, 7))] == [ops.YES] * 3


def test_within_a_millisecond_nothing_is_struck_off():
    """Linux looks through a list once a jiffy, unless 64 are new."""
    subject = bench("ct count over 63 drop")
    answers = [subject.packet(f"n{number}") for number in range(64)]
    assert answers == [ops.NO] * 63 + [ops.YES]
    assert subject.packet("last") == ops.NO


def test_packet_without_a_tuple_is_dropped():
    """It cannot be counted."""
    assert bench().packet(None) == ops.DROPPED


def test_address_with_an_empty_list_is_dropped():
    """connlimit drops the packets of a closed connection that is its address's only one."""
    subject = Bench(OVER)
    assert subject.packet("a") == ops.NO
    subject.table.found["a"] = CLOSED
    assert subject.packet("a", ASSURED, at=4) == ops.DROPPED


def test_addresses_are_counted_apart():
    """By the bits that count, and by zone."""
    subject = Bench(OVER)
    lo, zone = BATCH.arrays["src_lo"], BATCH.arrays["zone"]
    for key, address in (("a", 0x0A000001), ("b", 0x0A000102)):
        lo[0], zone[0], subject.table.found[key] = address, 0, OPEN
        assert subject.packet(key) == ops.NO
    lo[0] = 0x0A000003
    assert subject.packet("c", at=3) == ops.YES
    zone[0] = 7
    assert subject.packet("d", at=3) == ops.NO
    zone[0] = 0


def test_doubts_make_the_answer_unknown_where_they_matter():
    """A connection that may be there; a packet that may have come by."""
    subject = bench()
    subject.packet("a")
    subject.table.found["a"], subject.table.doubts = MAYBE, True
    assert subject.packet("b", at=2) == ops.UNKNOWN
    subject.table.found.update(b=OPEN, c=OPEN)
    assert subject.packet("c", at=4) == ops.YES
    assert subject.packet("d", at=6, main=0) == ops.UNKNOWN
    assert subject.packet("e", at=8) == ops.UNKNOWN


def test_elements_have_lists_of_their_own():
    """And one that is empty is idle."""
    subject = bench("ct count 1 accept")
    subject.counts.renew(40, 0)
    assert subject.counts.is_idle(40, MS) == 1
    assert subject.counts.judge_element(0, MS, 40, 1, 0) == ops.YES
    subject.table.found["a"] = OPEN
    assert subject.counts.is_idle(40, 3 * MS) == 0
    assert subject.counts.is_idle(41, 3 * MS) == 0


@pytest.mark.parametrize("main", [0, 1])
def test_nobody_counts_without_a_table(main):
    """Whoever evaluates rules alone."""
    subject = bench()
    subject.counts.connections = None
    assert subject.packet("a", main=main) == ops.UNKNOWN
