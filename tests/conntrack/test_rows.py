"""One row of the table at a time is the table's memory, not a copy."""

from pcapaudit.conntrack.layout import Q_EXPIRES, ROW_QUADS, ROW_WORDS, SIDE_FLAGS, SIDE_WORDS, W_MARK, W_SIDE, W_STATUS
from pcapaudit.conntrack.rows import expires_at, set_expires, side_at, words_at


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
