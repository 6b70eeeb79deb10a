"""Limits and quotas."""

from __future__ import annotations

import pytest
from nft_texts import chain, complaints, statements

from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.model import Limit, Quota

LIMITS = [
    ("limit rate 10/second", Limit(10, 1)),
    ("limit rate over 3/minute", Limit(3, 60, over=True)),
    ("limit rate until 3/hour", Limit(3, 3600)),
    ("limit rate 1/day burst 9 packets", Limit(1, 86400, burst=9)),
    ("limit rate 1/week burst 9", Limit(1, 604800, burst=9)),
    ("limit rate 1/second burst 0 packets", Limit(1, 1)),
    ("limit rate 10 packets/second", Limit(10, 1)),
    ("limit rate 2 mbytes/second", Limit(2 << 20, 1, of_bytes=True, burst=0)),
    ("limit rate over 10 kbytes/second burst 4 kbytes", Limit(10 << 10, 1, over=True, of_bytes=True, burst=4 << 10)),
    ("limit rate 10 / second", Limit(10, 1)),
]


@pytest.mark.parametrize(("text", "limit"), LIMITS, ids=[text for text, _ in LIMITS])
def test_limit(text, limit):
    """Rate, time, unit, burst; a burst of packets is 5 unless given, one of bytes 0."""
    assert statements(text) == (limit,)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("quota 10 mbytes", Quota(10 << 20)),
        ("quota over 5 bytes used 3 bytes", Quota(5, over=True, used=3)),
        ("quota until 1 gbytes", Quota(1 << 30)),
    ],
)
def test_quota(text, quota):
    """Size, what is used, and which side matches."""
    assert statements(text) == (quota,)


def test_variables():
    """For a rate, or a number of bytes, with its unit."""
    text = "define r = 10/minute\ndefine b = 5 mbytes\n" + chain("limit rate $r burst 7 packets\nquota $b")
    rules = parse_ruleset(text).tables[0].chains[0].rules
    assert [rule.statements[0] for rule in rules] == [Limit(10, 60, burst=7), Quota(5 << 20)]


@pytest.mark.parametrize(
    ("text", "message", "advice", "where"),
    [
        ("limit 10/second", 'found "10", expected "rate" after limit', "", (7, 2)),
        ("limit rate x/second", 'found "x/second", expected a rate', "", (12, 8)),
        ("limit rate 0/second", "a rate of 0 is no limit", "at least 1", (12, 1)),
        ("limit rate 5/secnd", 'found "secnd", expected a unit of time', 'did you mean "second"?', (14, 5)),
        ("limit rate 5/fortnight", 'found "fortnight", expected a unit of time', "second, minute, hour, day, week", (14, 9)),
        ("limit rate 5", 'expected "/" after the rate', "", (13, 1)),
        ("limit rate 5/second burst 5 bytes", "rate and burst count different things", "both in packets or both in bytes", (27, 1)),
        ("quota 5", "found the end of the line, expected bytes, kbytes, mbytes or gbytes", "", (8, 1)),
    ],
)
def test_bad_amount(text, message, advice, where):
    """Where it is wrong, and what to write."""
    (found,) = complaints(chain(text))
    assert message in found.message
    assert advice in found.advice
    assert (found.column, found.width) == where
