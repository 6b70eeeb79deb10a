"""Reassembly by itself: order, duplicates, overlaps, contradictions, time and limits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.fragments import Fragment, Fragments, Outcome, Whole

S = 1_000_000_000
DATA = bytes(range(200))


def fragment(offset, size, *, more=True, version=4, ident=1, data=None, ecn=0, source=9):
    """A fragment of DATA."""
    held = DATA[offset : offset + size] if data is None else data
    return Fragment(version, (source, 2, ident), source, offset, size, more, held, b"h" * (20 if version == 4 else 40), ecn)


def feed(*fragments, at=0):
    """The outcomes of some fragments that arrive together."""
    waiting = Fragments(30 * S, 60 * S)
    return [waiting.add(each, at) for each in fragments]


@given(st.permutations([0, 1, 2, 3, 4]), st.sampled_from([4, 6]))
def test_any_order(order, version):
    """The last one missing makes the datagram whole."""
    parts = [fragment(n * 40, 40, more=n < 4, version=version) for n in range(5)]
    *early, last = feed(*(parts[n] for n in order))
    assert early == [Outcome.QUEUED] * 4
    assert last == Whole(b"h" * (20 if version == 4 else 40), 200, DATA, 5, frames=(0,) * 5)


def test_duplicates_are_harmless():
    """The same bytes again, or a part of what is there."""
    outcomes = feed(fragment(0, 80), fragment(0, 80), fragment(8, 16), fragment(80, 40, more=False))
    assert outcomes[:3] == [Outcome.QUEUED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert outcomes[3].size == 120


@pytest.mark.parametrize("version", [4, 6])
def test_duplicate_of_two_runs_overlaps(version):
    """Fragments that came out of order stay runs of their own: what lies across two of them is no duplicate. Those in order are one run."""
    parts = {
        "low": fragment(0, 80, version=version),
        "high": fragment(80, 40, version=version),
        "across": fragment(72, 16, version=version),
    }
    assert feed(*(parts[each] for each in ("low", "high", "across")))[2] == Outcome.DUPLICATE
    assert feed(*(parts[each] for each in ("high", "low", "across")))[2] == Outcome.OVERLAP


@pytest.mark.parametrize("version", [4, 6])
def test_overlap_throws_the_datagram_away(version):
    """What comes later begins anew and never becomes whole."""
    outcomes = feed(*(fragment(*each, version=version) for each in ((0, 80), (72, 40))), fragment(80, 40, more=False, version=version))
    assert outcomes == [Outcome.QUEUED, Outcome.OVERLAP, Outcome.QUEUED]


def test_contradicting_ends():
    """Bytes beyond the last fragment; a second last fragment elsewhere. IPv4 throws the datagram away, IPv6 the fragment."""
    assert feed(fragment(80, 8, more=False), fragment(88, 8), fragment(0, 80))[1:] == [Outcome.REFUSED, Outcome.QUEUED]
    six = feed(fragment(80, 8, more=False, version=6), fragment(88, 8, version=6), fragment(0, 80, version=6))
    assert six[1] == Outcome.REFUSED
    assert isinstance(six[2], Whole)


def test_length_that_is_no_multiple_of_eight():
    """IPv4 cuts it down; in IPv6 the fragment goes on alone and its datagram is forgotten."""
    assert feed(fragment(0, 43), fragment(40, 20, more=False))[1].data == DATA[:60]
    assert feed(fragment(0, 43, version=6)) == [Outcome.ALONE]


def test_nothing_in_it():
    """A fragment without a byte."""
    assert feed(fragment(0, 0)) == [Outcome.REFUSED]


@pytest.mark.parametrize(("version", "seconds"), [(4, 30), (6, 60)])
def test_time_out(version, seconds):
    """From the first fragment on, whatever comes later."""
    for late, outcome in ((seconds * S - 1, Whole), (seconds * S, Outcome)):
        waiting = Fragments(30 * S, 60 * S)
        waiting.add(fragment(0, 80, version=version), 0)
        assert isinstance(waiting.add(fragment(80, 40, more=False, version=version), late), outcome)
        assert waiting.timed_out == (outcome is Outcome)


def test_too_far_apart():
    """A source that sent more than 64 other fragments meanwhile uses the identification anew."""
    for others, outcome in ((63, Whole), (64, Outcome)):
        waiting = Fragments(30 * S, 60 * S)
        waiting.add(fragment(0, 80), 0)
        for n in range(others):
            waiting.add(fragment(0, 8, ident=100 + n), 0)
        assert isinstance(waiting.add(fragment(80, 40, more=False), 0), outcome)


def test_limit():
    """Four megabytes wait at most; what is whole makes room."""
    waiting = Fragments(30 * S, 60 * S)
    outcomes = [waiting.add(fragment(0, 8, ident=n, source=n), 0) for n in range(6000)]
    assert outcomes[-1] == Outcome.LIMIT
    assert 5000 < outcomes.count(Outcome.QUEUED) < 5600
    assert waiting.add(fragment(0, 8, ident=9999), 31 * S) == Outcome.QUEUED


def test_ecn_must_agree():
    """A datagram of ECN-capable and other fragments is refused."""
    assert feed(fragment(0, 80, ecn=0), fragment(80, 8, more=False, ecn=2))[1] == Outcome.REFUSED
    assert isinstance(feed(fragment(0, 80, ecn=2), fragment(80, 8, more=False, ecn=3))[1], Whole)


def test_too_long():
    """A datagram of more than 65535 bytes."""
    big = fragment(65528, 100, more=False, data=b"")
    assert feed(big, fragment(0, 65528, data=b""))[1] == Outcome.REFUSED


def test_bytes_that_were_not_captured():
    """The length is right, the bytes end at the first gap."""
    outcomes = feed(fragment(0, 80, data=DATA[:30]), fragment(80, 40, more=False))
    assert outcomes[1] == Whole(b"h" * 20, 120, DATA[:30], 2, frames=(0, 0))


def test_memory_is_given_back():
    """Whatever happens, what is counted is what waits."""
    waiting, chance = Fragments(30 * S, 60 * S), random.Random(5)
    for step in range(5000):
        waiting.add(
            fragment(8 * chance.randrange(8), 8 * chance.randrange(4), more=chance.random() < 0.7, ident=chance.randrange(9)),
            step * S // 10,
        )
    for step in range(9):
        waiting.add(fragment(0, 8, ident=100 + step), 10_000 * S)
    assert waiting._bytes[4] == 9 * (8 + 768)


def test_limits_are_those_of_the_sysctls():
    """Memory, none at all, and how many others may come in between."""
    few = Fragments(30 * S, 60 * S, ConntrackConfig(ipfrag_high_thresh=1000, frag6_high_thresh=0, ipfrag_max_dist=2))
    assert [few.add(fragment(0, 8, ident=ident, source=ident), 0) for ident in (1, 2, 3)] == [Outcome.QUEUED, Outcome.QUEUED, Outcome.LIMIT]
    assert few.add(fragment(0, 8, version=6), 0) == Outcome.LIMIT
    for distance, last in ((2, Outcome.QUEUED), (0, None)):
        waiting = Fragments(30 * S, 60 * S, ConntrackConfig(ipfrag_max_dist=distance))
        outcomes = [waiting.add(fragment(0, 8, ident=ident), 0) for ident in (1, 2, 3, 4)]
        outcomes.append(waiting.add(fragment(8, 8, more=False, ident=1), 0))
        assert (outcomes[-1] == last) if last is not None else isinstance(outcomes[-1], Whole)
