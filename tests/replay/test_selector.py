"""The language of selectors: what texts mean, and what is said of texts that mean nothing."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from pcapaudit.core.errors import ConfigError, SelectorError
from pcapaudit.replay.selector import ANY, Endpoint, parse_selector, parse_term, words_of

TUPLES = [
    ("* > *", "*", (), "*", (), None),
    ("10.0.0.5:4000 > 192.0.2.1:443/tcp", "10.0.0.5/32", ((4000, 4000),), "192.0.2.1/32", ((443, 443),), 6),
    ("10.0.0.0/8 > *:53,853/udp", "10.0.0.0/8", (), "*", ((53, 53), (853, 853)), 17),
    ("*:1024-65535 > 192.0.2.0/24:443", "*", ((1024, 65535),), "192.0.2.0/24", ((443, 443),), None),
    ("10.1.*.* > 10.2.3.*/icmp", "10.1.0.0/16", (), "10.2.3.0/24", (), 1),
    ("2001:db8::1 > 2001:db8::/32/icmpv6", "2001:db8::1/128", (), "2001:db8::/32", (), 58),
    ("[2001:db8::1]:4000 > [2001:db8::]/64:443/tcp", "2001:db8::1/128", ((4000, 4000),), "2001:db8::/64", ((443, 443),), 6),
    ("10.0.0.5:*>any", "10.0.0.5/32", (), "*", (), None),
]


@pytest.mark.parametrize(("text", "src", "sports", "dst", "dports", "proto"), TUPLES, ids=[each[0] for each in TUPLES])
def test_tuples(text, src, sports, dst, dports, proto):
    """Addresses, networks, wildcards, ports, protocol; with and without blanks around the arrow."""
    network = lambda name: None if name == "*" else ip_network(name)  # noqa: E731
    found = parse_selector(text, "flow")
    assert found.source == Endpoint(network(src), sports)
    assert found.target == Endpoint(network(dst), dports)
    assert (found.proto, found.both_ways, found.terms) == (proto, False, ())


def test_either_way_round():
    """The double arrow."""
    assert parse_selector("10.0.0.5 <> *:443", "packet").both_ways


TERMS = [
    ("ct new,related", "ct", ("new", "related")),
    ("direction reply", "direction", ("reply",)),
    ("frame 7", "frame", ((7, 7),)),
    ("frame 7-9,12-", "frame", ((7, 9), (12, None))),
    ("frame -9", "frame", ((None, 9),)),
    ("verdict drop,reject", "verdict", ("drop", "reject")),
    ("reason tcp-state", "reason", ("tcp-state",)),
    ("rule fw.nft:12", "rule", ("fw.nft:12",)),
    ('rule "a, b"', "rule", ("a, b",)),
    ("flow 3", "flow", ((3, 3),)),
    ("host 10.0.0.0/8", "host", (ip_network("10.0.0.0/8"),)),
    ("port 80-90", "port", ((80, 90),)),
    ("proto tcp,47", "proto", (6, 47)),
    ("icmp 3/1,8", "icmp", ((3, 1), (8, None))),
    ("state established", "state", ("established",)),
    ("decided no", "decided", (False,)),
    ("time +1.5..+3", "time", (((True, 1_500_000_000), (True, 3_000_000_000)),)),
    ("time 2024-05-01T12:00:00Z..", "time", (((False, 1_714_564_800_000_000_000), None),)),
    ("time ..2024-05-01T14:00:00.123456789+02:00", "time", ((None, (False, 1_714_564_800_123_456_789)),)),
]


@pytest.mark.parametrize(("text", "name", "values"), TERMS, ids=[each[0] for each in TERMS])
def test_terms(text, name, values):
    """Every word, alone and turned round."""
    (term,) = parse_selector(text, "packet").terms
    assert (term.name, term.values, term.negated) == (name, values, False)
    (term,) = parse_selector(f"not {text}", "packet").terms
    assert (term.name, term.values, term.negated) == (name, values, True)


def test_terms_behind_a_tuple():
    """All must hold."""
    found = parse_selector("* > *:443/tcp ct new not verdict accept", "packet")
    assert found.proto == 6
    assert [(term.name, term.negated) for term in found.terms] == [("ct", False), ("verdict", True)]


def test_findings():
    """The code comes first; a tuple is that of the flow."""
    found = parse_selector("udp-hole-punch severity high frame 1-9", "finding")
    assert (found.code, [term.name for term in found.terms]) == ("udp-hole-punch", ["severity", "frame"])
    assert parse_selector("* severity high", "finding").code == ""
    assert parse_selector("land 10.0.0.1 > *", "finding").source != ANY


WRONG = [
    ("", "packet", 1, "an empty selector"),
    ("10.0.0.5", "packet", 1, "expected SOURCE > DESTINATION"),
    ("10.0.0.5 >", "packet", 12, "expected a destination"),
    ("10.0.0.500 > *", "packet", 1, "is no address"),
    ("10.0.0.5/8 > *", "packet", 1, "has host bits set"),
    ("* > *:44x", "packet", 7, "'44x' is no port"),
    ("* > *:70000", "packet", 7, "is no port"),
    ("* > *:80-70", "packet", 7, "no port is from 80 to 70"),
    ("* > *:443/tpc", "packet", 11, "'tpc' is no protocol"),
    ("* > [::1:443", "packet", 5, "expected ']'"),
    ("* > * cts new", "packet", 7, "expected one of proto"),
    ("ct gnu", "packet", 4, "expected one of new, established"),
    ("ct", "packet", 4, "expected a value behind 'ct'"),
    ("not", "packet", 5, "behind 'not'"),
    ("frame 9-7", "packet", 7, "ends before it begins"),
    ("frame x", "packet", 7, "expected a number or a range"),
    ("time +3..+1", "packet", 6, "ends before it begins"),
    ("time noon..", "packet", 6, "neither +SECONDS nor an ISO 8601 time"),
    ("time 5", "packet", 6, "expected FROM..TO"),
    ("icmp echo", "packet", 6, "expected TYPE or TYPE/CODE"),
    ("proto 256", "packet", 7, "expected a number up to 255"),
    ("decided maybe", "packet", 9, "expected yes or no"),
    ("flow x", "packet", 6, "expected a number"),
    ("direction reply", "flow", 1, "a flow has no direction: that can be said of a packet"),
    ("end closed", "packet", 1, "a packet has no end"),
    ("10.0.0.1 > 2001:db8::1", "flow", 12, "no packet goes from an IPv4 address to an IPv6 address"),
    ("* > *:80/icmp", "flow", 5, "icmp has no ports"),
    ("verdict mixed", "packet", 9, "never mixed"),
    ("Land", "finding", 1, "is no code of a finding"),
]


@pytest.mark.parametrize(("text", "kind", "column", "message"), WRONG, ids=[f"{each[1]} {each[0]}" for each in WRONG])
def test_errors_show_the_place(text, kind, column, message):
    """The message, the text, and a caret below what is wrong."""
    with pytest.raises(SelectorError) as caught:
        parse_selector(text, kind)
    lines = str(caught.value).splitlines()
    assert message in lines[0]
    assert lines[-2] == f"    {text}"
    assert lines[-1].index("^") + 1 - 4 == column
    assert isinstance(caught.value, ConfigError)


def test_term_alone():
    """As a suite says what is expected."""
    found = parse_term("verdict", ["drop", "reject"], "flow")
    assert [(term.name, term.values) for term in found.terms] == [("verdict", ("drop", "reject"))]
    with pytest.raises(SelectorError, match="a flow has no direction"):
        parse_term("direction", ["reply"], "flow")
    with pytest.raises(SelectorError, match="verdict dorp: expected one of"):
        parse_term("verdict", ["drop", "dorp"], "flow")
    assert "direction" in words_of("packet")
    assert "direction" not in words_of("flow")
