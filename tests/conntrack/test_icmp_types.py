"""ICMP types are one thing at most: a query, an error, or nothing that is tracked."""

from pcapaudit.conntrack.icmp_types import ERRORS, QUERIES, UNTRACKED


def test_no_type_is_two_things():
    """Of either version; the untracked ones are of ICMPv6."""
    assert not any(query and error for query, error in zip(QUERIES, ERRORS, strict=True))
    assert not any(UNTRACKED[kind] and (QUERIES[256 + kind] or ERRORS[256 + kind]) for kind in range(256))


def test_types_of_everyday():
    """Echo opens, unreachable and time exceeded are errors (ICMPv6: all below 128), neighbour discovery is left alone."""
    assert (QUERIES[8], QUERIES[0], QUERIES[256 + 128], QUERIES[256 + 129]) == (1, 0, 1, 0)
    assert (ERRORS[3], ERRORS[11], ERRORS[256 + 1], ERRORS[256 + 2], ERRORS[8]) == (1, 1, 1, 1, 0)
    assert [kind for kind in range(256) if UNTRACKED[kind]][-5:] == [135, 136, 143, 151, 152]
