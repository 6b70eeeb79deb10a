"""Path MTU messages, refused."""

import pytest
from findings_of import findings_in
from packets import only
from scenes import INSIDE_OUT, icmp, tcp

STRICT = INSIDE_OUT.replace("established,related", "established")
SYN4, SYN6 = tcp("10.0.0.1:3000", "192.0.2.1:80", "S"), tcp("[fd00::1]:3000", "[2001:db8::1]:80", "S")


def blocked(syn, error, rules=STRICT):
    """The findings of this code."""
    return [each for each in findings_in([(0, syn), (1, error), (2, error)], rules) if each.code == "pmtud-blocked"]


@pytest.mark.parametrize(
    ("syn", "error"),
    [
        (SYN4, icmp("198.51.100.1", "10.0.0.1", 3, 4, data=SYN4)),
        (SYN6, icmp("2001:db8::9", "fd00::1", 2, data=SYN6)),
    ],
)
def test_refused(syn, error):
    """Both IP versions; with related accepted there is nothing to say."""
    found = only(blocked(syn, error))
    assert (found.count, str(found.severity)) == (2, "high")
    assert not blocked(syn, error, INSIDE_OUT)


def test_other_errors():
    """Host unreachable is not about sizes."""
    assert not blocked(SYN4, icmp("198.51.100.1", "10.0.0.1", 3, 1, data=SYN4))
