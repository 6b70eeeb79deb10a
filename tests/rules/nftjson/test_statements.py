"""Statements of the JSON schema, written as nft writes them."""

from __future__ import annotations

import pytest

from pcapaudit.rules.nftjson.expressions import JsonProblem
from pcapaudit.rules.nftjson.statements import limit, quota, statement

STATE = {"ct": {"key": "state"}}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}


def match(op, left, right):
    return {"match": {"op": op, "left": left, "right": right}}


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ({"drop": None}, "drop"),
        ({"goto": {"target": "x"}}, "goto x"),
        (match("in", STATE, ["new", "related"]), "ct state new,related"),
        (match("!=", STATE, ["new", "related"]), "ct state != new | related"),
        (match("==", DPORT, 22), "tcp dport == 22"),
        (match("==", DPORT, {"set": [22, 80]}), "tcp dport { 22, 80 }"),
        (match("!=", DPORT, "@s"), "tcp dport != @s"),
        (match("==", {"exthdr": {"name": "hbh"}}, True), "exthdr hbh exists"),
        ({"vmap": {"key": DPORT, "data": "@v"}}, "tcp dport vmap @v"),
        ({"vmap": {"key": DPORT, "data": {"set": [[22, {"accept": None}]]}}}, "tcp dport vmap { 22 : accept }"),
        ({"counter": None}, "counter"),
        ({"counter": {"packets": 1, "bytes": 2}}, "counter packets 1 bytes 2"),
        ({"counter": "c"}, 'counter name "c"'),
        ({"counter": {"map": {"key": SADDR, "data": "@m"}}}, "counter name ip saddr map @m"),
        ({"limit": {"rate": 5, "per": "minute", "burst": 7}}, "limit rate 5/minute burst 7 packets"),
        ({"limit": {"rate": 5, "rate_unit": "mbytes", "per": "second", "inv": True}}, "limit rate over 5 mbytes/second"),
        ({"limit": "l"}, 'limit name "l"'),
        ({"quota": {"val": 5, "val_unit": "mbytes", "inv": True, "used": 3}}, "quota over 5 mbytes used 3 bytes"),
        ({"log": None}, "log"),
        (
            {"log": {"prefix": "a b", "level": "info", "flags": ["tcp sequence", "tcp options", "skuid"]}},
            'log prefix "a b" level info flags tcp sequence,options flags skuid',
        ),
        ({"reject": None}, "reject"),
        ({"reject": {"type": "tcp reset"}}, "reject with tcp reset"),
        ({"reject": {"type": "icmpx", "expr": "admin-prohibited"}}, "reject with icmpx admin-prohibited"),
        ({"masquerade": None}, "masquerade"),
        ({"masquerade": {"flags": ["random", "persistent"]}}, "masquerade random,persistent"),
        ({"redirect": {"port": 8080}}, "redirect to :8080"),
        ({"dnat": {"family": "ip", "addr": "10.0.0.1", "port": 80}}, "dnat ip to 10.0.0.1:80"),
        ({"dnat": {"family": "ip6", "addr": "fe80::1", "port": 80}}, "dnat ip6 to [fe80::1]:80"),
        ({"snat": {"addr": {"range": ["10.0.0.1", "10.0.0.9"]}}}, "snat to 10.0.0.1-10.0.0.9"),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}, "meta mark set 5"),
        ({"queue": {"num": {"range": [1, 3]}, "flags": "bypass"}}, "queue flags bypass to 1-3"),
        ({"set": {"op": "add", "elem": {"elem": {"val": SADDR, "timeout": 5}}, "set": "@s"}}, "add @s { ip saddr timeout 5s }"),
        ({"set": {"op": "update", "elem": SADDR, "set": "@s", "stmt": [{"counter": None}]}}, "update @s { ip saddr counter }"),
        ({"map": {"op": "add", "elem": SADDR, "data": 5, "map": "@s"}}, "add @s { ip saddr : 5 }"),
        ({"meter": {"name": "m", "size": 9, "key": SADDR, "stmt": {"counter": None}}}, "meter m size 9 { ip saddr counter }"),
        ({"ct count": {"val": 3, "inv": True}}, "ct count over 3"),
        ({"ct helper": "ftp"}, 'ct helper set "ftp"'),
        ({"notrack": None}, "notrack"),
        ({"flow": {"op": "add", "flowtable": "@f"}}, "flow add @f"),
        ({"fwd": {"dev": "lo"}}, "fwd to lo"),
        ({"dup": {"addr": "lo"}}, "dup to lo"),
        ({"synproxy": {"mss": 1460, "wscale": 7, "flags": ["timestamp"]}}, "synproxy mss 1460 wscale 7 timestamp"),
        ({"tproxy": {"family": "ip", "addr": "127.0.0.1", "port": 5}}, "tproxy ip to 127.0.0.1:5"),
        ({"last": None}, "last"),
        ({"xt": {"type": "match", "name": "recent"}}, 'xt match "recent"'),
    ],
)
def test_statement(thing, text):
    """Each kind."""
    assert statement(thing) == text


@pytest.mark.parametrize("thing", [None, {"nothing": 1}, {"match": 1}, match("~", DPORT, 1), {"vmap": {"key": DPORT, "data": 5}}], ids=str)
def test_what_is_none(thing):
    """Refused."""
    with pytest.raises(JsonProblem):
        statement(thing)


def test_of_named_objects():
    """Quotas say their bytes otherwise."""
    assert quota({"bytes": 100, "used": 0, "inv": False}) == "100 bytes"
    assert limit({"rate": 3, "per": "day"}) == "rate 3/day"
