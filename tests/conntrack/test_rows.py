"""One row of the table at a time is the table's memory, not a copy."""

from pcapaudit.conntrack.layout import (
    Q_DST_HI,
    Q_DST_LO,
    Q_EXPIRES,
    Q_SRC_HI,
    Q_SRC_LO,
    ROW_QUADS,
    ROW_WORDS,
    SIDE_FLAGS,
    SIDE_WORDS,
    W_MARK,
    W_PORTS,
    W_SIDE,
    W_STATUS,
)
from pcapaudit.conntrack.rows import direction_in, expires_at, quad_at, set_expires, side_at, words_at
from pcapaudit.core.consts import DIR_NONE, DIR_ORIGINAL, DIR_REPLY


class Memory:
    """Four rows of a table, as an uncompiled table shows them."""

    def __init__(self):
        view = memoryview(bytearray(4 * 4 * ROW_WORDS))
        self.w, self.t = view.cast("I"), view.cast("q")


def test_words_are_those_of_the_row():
    """A row's words begin where its number says, and a change is a change of the table."""
    table = Memory()
    words = words_at(table, 2)
    words[W_STATUS], words[W_MARK] = 7, 0xFFFFFFFF
    assert [at for at, word in enumerate(table.w) if word] == [2 * ROW_WORDS + W_STATUS, 2 * ROW_WORDS + W_MARK]


def test_sides_lie_one_behind_the_other():
    """Original first."""
    table = Memory()
    for direction in (0, 1):
        side_at(words_at(table, 1), direction)[SIDE_FLAGS] = 5 + direction
        assert table.w[ROW_WORDS + W_SIDE + SIDE_WORDS * direction + SIDE_FLAGS] == 5 + direction


def test_expiry_is_a_signed_time():
    """Captures may lie before 1970."""
    table = Memory()
    set_expires(words_at(table, 3), -5)
    assert table.t[3 * ROW_QUADS + Q_EXPIRES] == -5 == expires_at(words_at(table, 3))


def test_direction_in_compares_addresses_and_ports():
    """As sent, turned round, and with any one part different."""
    table, b = Memory(), Batch()
    words = words_at(table, 1)
    quads = words.cast("B").cast("Q")
    quads[Q_SRC_HI], quads[Q_SRC_LO], quads[Q_DST_HI], quads[Q_DST_LO] = 1, 2, 3, 4
    words[W_PORTS] = 5 | 6 << 16
    assert direction_in(words, b, 0) == DIR_ORIGINAL
    b.turn()
    assert direction_in(words, b, 0) == DIR_REPLY
    for name in b.names:
        getattr(b, name)[0] += 7
        assert direction_in(words, b, 0) == DIR_NONE
        getattr(b, name)[0] -= 7
    assert quad_at(words, Q_DST_HI) == 3


class Batch:
    """One packet's tuple in the columns' names."""

    names = ("src_hi", "src_lo", "sport", "dst_hi", "dst_lo", "dport")

    def __init__(self):
        for name, value in zip(self.names, (1, 2, 5, 3, 4, 6), strict=True):
            setattr(self, name, [value])

    def turn(self):
        for one, other in (("src_hi", "dst_hi"), ("src_lo", "dst_lo"), ("sport", "dport")):
            mine, its = getattr(self, one), getattr(self, other)
            setattr(self, one, its)
            setattr(self, other, mine)
