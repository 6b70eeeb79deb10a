"""The hash is the same for both directions, depends on every part and on the key, and spreads."""

from pcapaudit.conntrack.hashing import endpoint_hash, pair_hash


def of(one, other, rest=6, key=99):
    """Hash of two (hi, lo, port) endpoints."""
    return pair_hash(endpoint_hash(*one, key), endpoint_hash(*other, key), rest, key)


def test_both_directions_are_equal():
    """A reply finds its connection."""
    assert of((0, 1, 80), (0, 2, 4000)) == of((0, 2, 4000), (0, 1, 80))


def test_every_part_counts():
    """Addresses (both halves), ports, the rest of the tuple, and the key."""
    base = of((5, 1, 80), (0, 2, 4000))
    others = {
        of((6, 1, 80), (0, 2, 4000)),
        of((5, 3, 80), (0, 2, 4000)),
        of((5, 1, 81), (0, 2, 4000)),
        of((5, 1, 4000), (0, 2, 80)),
        of((5, 1, 80), (0, 2, 4000), rest=17),
        of((5, 1, 80), (0, 2, 4000), key=100),
    }
    assert base not in others
    assert len(others) == 6


def test_neighbours_spread():
    """Ports in a row, as a scan has them, fill the buckets of a table about as chance would."""
    buckets = {of((0, 0x0A000001, 50000), (0, 0xC0000201, port)) & 0xFFF for port in range(4096)}
    assert 2400 < len(buckets) < 2800
