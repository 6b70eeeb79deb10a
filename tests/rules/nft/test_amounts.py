"""Limits and quotas."""

from __future__ import annotations

import pytest

from pcapaudit.rules.model import Limit, Quota
from pcapaudit.rules.nft.amounts import parse_limit, parse_quota
from pcapaudit.rules.nft.cursor import Cursor, SyntaxProblem
from pcapaudit.rules.nft.lexer import tokenize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit rate 10/minute", Limit(10, 60)),
        ("limit rate over 10/second burst 3 packets", Limit(10, 1, over=True, burst=3)),
        ("limit rate 2 mbytes/second", Limit(2 << 20, 1, of_bytes=True, burst=0)),
        ("limit rate 2 kbytes/hour burst 1 kbytes", Limit(2048, 3600, of_bytes=True, burst=1024)),
    ],
)
def test_limit(text, expected):
    """Rate, unit, burst."""
    assert parse_limit(Cursor(tokenize(text, ""))) == expected


@pytest.mark.parametrize("text", ["limit rate 0/second", "limit 10/second", "limit rate 1/fortnight", "limit rate 1/second burst 5 bytes"])
def test_wrong_limit(text):
    """Told."""
    with pytest.raises(SyntaxProblem):
        parse_limit(Cursor(tokenize(text, "")))


def test_quota():
    """Bytes with units, what was used."""
    assert parse_quota(Cursor(tokenize("quota over 2 mbytes used 5 bytes", ""))) == Quota(2 << 20, over=True, used=5)
    with pytest.raises(SyntaxProblem):
        parse_quota(Cursor(tokenize("quota 2", "")))
