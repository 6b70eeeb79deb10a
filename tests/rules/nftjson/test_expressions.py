"""Expressions of the JSON schema, written as nft writes them."""

from __future__ import annotations

import pytest

from pcapaudit.rules.nftjson.expressions import JsonProblem, element, elements, expression, only, quoted, value, verdict

SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (SADDR, "ip saddr"),
        ({"payload": {"base": "th", "offset": 16, "len": 16}}, "@th,16,16"),
        ({"meta": {"key": "iifname"}}, "meta iifname"),
        ({"ct": {"key": "state"}}, "ct state"),
        ({"ct": {"key": "ip saddr", "dir": "original"}}, "ct original ip saddr"),
        ({"ct": {"key": "saddr", "family": "ip", "dir": "reply"}}, "ct reply ip saddr"),
        ({"rt": {"key": "nexthop", "family": "ip"}}, "rt ip nexthop"),
        ({"rt": {"key": "mtu"}}, "rt mtu"),
        ({"socket": {"key": "transparent"}}, "socket transparent"),
        ({"osf": {"key": "name"}}, "osf name"),
        ({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "fib saddr . iif oif"),
        ({"fib": {"result": "type", "flags": "daddr"}}, "fib daddr type"),
        ({"tcp option": {"name": "maxseg", "field": "size"}}, "tcp option maxseg size"),
        ({"tcp option": {"name": "sack-perm"}}, "tcp option sack-perm"),
        ({"exthdr": {"name": "hbh"}}, "exthdr hbh"),
        ({"exthdr": {"name": "frag", "field": "id"}}, "frag id"),
        ({"sctp chunk": {"name": "data"}}, "sctp chunk data"),
        ({"numgen": {"mode": "inc", "mod": 2, "offset": 0}}, "numgen inc mod 2"),
        ({"symhash": {"mod": 2, "offset": 5}}, "symhash mod 2 offset 5"),
        ({"jhash": {"mod": 2, "expr": SADDR, "seed": 7}}, "jhash ip saddr mod 2 seed 7"),
        ({"ipsec": {"key": "saddr", "family": "ip", "dir": "in", "spnum": 1}}, "ipsec in spnum 1 ip saddr"),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, "10.0.0.0/8"),
        ({"range": [1, 5]}, "1-5"),
        ({"concat": [SADDR, 80]}, "ip saddr . 80"),
        ({"map": {"key": SADDR, "data": "@m"}}, "ip saddr map @m"),
        ({"map": {"key": SADDR, "data": {"set": [["10.0.0.1", 5]]}}}, "ip saddr map { 10.0.0.1 : 5 }"),
        ({"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["fin", "syn"]]}, "tcp flags & (fin | syn)"),
        ({"|": [{"&": [{"ct": {"key": "mark"}}, 255]}, 256]}, "(ct mark & 255) | 256"),
        (["established", "related"], "established,related"),
        (True, "exists"),
        (False, "missing"),
        (5, "5"),
        ("ppp*", "ppp*"),
        ("2001:db8::1", "2001:db8::1"),
        ("10:00", '"10:00"'),
        ("br lan", '"br lan"'),
    ],
)
def test_expression(thing, text):
    """Each kind."""
    assert expression(thing) == text


@pytest.mark.parametrize(
    "thing",
    [
        None,
        {},
        {"a": 1, "b": 2},
        {"nothing": 1},
        {"meta": 1},
        {"meta": {}},
        {"range": [1]},
        {"concat": []},
        {"&": [1]},
        'a"b',
        1.5,
        {"payload": 3},
        {"fib": {"flags": None, "result": "type"}},
        {"prefix": {"addr": "x", "len": -1}},
        {"tcp option": {"base": 1}},
    ],
    ids=str,
)
def test_what_is_none(thing):
    """Refused, with what was found."""
    with pytest.raises(JsonProblem):
        expression(thing)


def test_elements():
    """Values, pairs, properties; one element may stand alone."""
    assert elements(5) == "{ 5 }"
    assert elements([1, {"range": [2, 3]}]) == "{ 1, 2-3 }"
    assert element([{"concat": ["a", 1]}, {"jump": {"target": "x"}}]) == "a . 1 : jump x"
    assert (
        element({"elem": {"val": "10.0.0.1", "timeout": 60, "expires": 5, "comment": "c"}}) == '10.0.0.1 timeout 60s expires 5s comment "c"'
    )
    for wrong in ([1], {"elem": {}}):
        with pytest.raises(JsonProblem):
            element(wrong)


def test_small_things():
    """Verdicts, texts, objects with one key."""
    assert verdict({"accept": None}) == "accept"
    assert quoted("x y") == '"x y"'
    assert value("a b") == '"a b"'
    assert only({"a": 1}, "x") == ("a", 1)
    with pytest.raises(JsonProblem, match="no verdict"):
        verdict({"acept": None})
