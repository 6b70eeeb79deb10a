"""Reads the statements that do something: marks, NAT, queues, updates of sets, uses of named objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pcapaudit.rules.datatypes import DATATYPES, Datatype
from pcapaudit.rules.model import (
    Assign,
    ConnCount,
    Counter,
    Element,
    Key,
    Limit,
    MapLookup,
    NamedSet,
    Nat,
    Notrack,
    Number,
    ObjectRef,
    Opaque,
    Place,
    Queue,
    Quota,
    SetLiteral,
    SetRef,
    SetUpdate,
    Side,
    Statement,
    Synproxy,
    Tproxy,
    Value,
)
from pcapaudit.rules.nft.amounts import parse_limit, parse_quota
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.nft.expressions import (
    parse_counter,
    parse_duration_word,
    parse_elements,
    parse_keys,
    parse_value,
)

__all__ = ["ACTIONS", "parse_assign", "parse_counting", "parse_ct_statement", "parse_meter", "parse_stateful"]

_NAT_FLAGS = ("random", "fully-random", "persistent")
_PORT = DATATYPES["inet_service"]
_ADDRESSES = {"ip": DATATYPES["ipv4_addr"], "ip6": DATATYPES["ipv6_addr"]}
#: Entries of a meter that gives no size, as nft has it.
_METER_SIZE = 0xFFFF


# Counters, limits, quotas, named objects -------------------------------------------------------------------------------------------


def parse_counting(cursor: Cursor) -> Statement:
    """``counter``, ``limit`` and ``quota``, of their own or by the name of an object."""
    kind = cursor.text
    if cursor.ahead() == "name" or (cursor.index + 1 < cursor.stop and cursor.source.kinds[cursor.index + 1] == "string"):
        place = cursor.place()
        cursor.advance()
        cursor.accept_word("name")
        return _object(cursor, kind, place)
    if kind == "counter":
        return parse_counter(cursor)
    return parse_limit(cursor) if kind == "limit" else parse_quota(cursor)


def _object(cursor: Cursor, kind: str, place: Place) -> ObjectRef:
    """A name, or a map from packets to names."""
    if cursor.kind == "string" or (cursor.kind == "word" and cursor.ahead() not in ("saddr", "daddr", "sport", "dport", "map", "l4proto")):
        return ObjectRef(kind, cursor.advance(), None, place)
    keys = parse_keys(cursor)
    cursor.accept_word("map") or cursor.expect("map", "behind the key")
    types = [key.selector.datatype for key in keys]
    if cursor.accept("@"):
        right: SetLiteral | SetRef = SetRef(cursor.expect_name("the name of a map"))
    else:
        right = SetLiteral(parse_elements(cursor, types, _named_element), braces=True)
    return ObjectRef(kind, "", MapLookup(keys, right, (kind,), place), place)


def _named_element(cursor: Cursor) -> Element:
    return Element((), named=cursor.expect_name("the name of an object"))


def parse_ct_statement(cursor: Cursor) -> Statement | None:
    """``ct count over 20``, ``ct helper set "ftp"`` and the like; None when it is a match such as ``ct helper "ftp"``."""
    place = cursor.place()
    start = cursor.index
    word = cursor.ahead()
    if word == "count":
        cursor.advance()
        cursor.advance()
        over = bool(cursor.accept_word("over"))
        return ConnCount(cursor.expect_number("a number of connections"), over, place=place)
    if cursor.ahead(2) != "set":
        return None
    for _ in range(3):
        cursor.advance()
    if word == "event":
        while not cursor.at_end():
            cursor.advance()
        return Side("ct event set", _text_since(cursor, start), place)
    return _object(cursor, f"ct {word}", place)


# Setting things --------------------------------------------------------------------------------------------------------------------


def parse_assign(cursor: Cursor, key: Key, place: Place) -> Assign:
    """What stands behind ``meta mark``: ``set VALUE``."""
    at = cursor.index
    cursor.advance()
    selector = key.selector
    if key.mask is not None or selector.base in ("hash", "fib", "rpfilter", "osf", "socket", "ipsec") or selector.text in _READ_ONLY:
        raise cursor.problem(f"{selector.text} cannot be set", index=at)
    datatype = selector.datatype
    if selector.text == "meta priority" and cursor.ahead() == ":":
        major, minor = cursor.advance(), cursor.ahead()
        cursor.advance()
        cursor.advance()
        number = int(major or "0", 16) << 16 | int(minor or "0", 16)
        return Assign(selector, Number("classid", number, number), place)
    return Assign(selector, parse_value(cursor, [datatype]), place)


_READ_ONLY = frozenset(
    {"ct state", "ct direction", "ct status", "meta l4proto", "meta nfproto", "meta iifname", "meta oifname", "meta length"}
)


# NAT and its kin -------------------------------------------------------------------------------------------------------------------


def _parse_nat(cursor: Cursor) -> Nat:
    """``dnat ip to 192.0.2.1:80``, ``snat to 192.0.2.1-192.0.2.9 persistent``, ``masquerade to :1024-65535``, ``redirect to :8080``."""
    place = cursor.place()
    kind = cursor.advance()
    family = cursor.accept_word("ip", "ip6")
    of_prefix = bool(cursor.accept_word("prefix"))
    nat = Nat(kind, family, of_prefix=of_prefix, place=place)
    if cursor.accept_word("addr"):
        cursor.accept(".")
        cursor.accept_word("port")
        cursor.accept_word("to")
        types = [_ADDRESSES[family or "ip"], _PORT]
        nat = replace(nat, address=parse_value(cursor, types))
    elif cursor.accept_word("interval"):
        cursor.accept_word("to")
        nat = replace(nat, address=parse_value(cursor, [_ADDRESSES[family or "ip"]]))
    elif (had_to := bool(cursor.accept_word("to"))) or not (cursor.at_end() or cursor.text in (*_NAT_FLAGS, "comment")):
        of_prefix |= bool(cursor.accept_word("prefix"))
        if had_to:
            of_prefix |= bool(cursor.accept_word("prefix"))
        address, port = _parse_target(cursor, family, only_ports=kind in ("masquerade", "redirect"))
        nat = replace(nat, address=address, port=port, of_prefix=of_prefix)
    if kind in ("snat", "dnat") and nat.address is None and nat.port is None:
        raise cursor.unexpected(f"an address behind {kind} to", advice=f"write: {kind} to 192.0.2.1")
    return replace(nat, flags=_parse_flags(cursor))


def _parse_flags(cursor: Cursor) -> tuple[str, ...]:
    flags = []
    while flag := cursor.accept_word(*_NAT_FLAGS):
        flags.append(flag)
        cursor.accept(",")
    return tuple(flags)


def _parse_target(cursor: Cursor, family: str, *, only_ports: bool) -> tuple[Value | None, Value | None]:
    """``ADDRESS``, ``ADDRESS:PORT`` or ``:PORT``; without an address the colon may be missing (``redirect to 8080``)."""
    if cursor.kind == "var":
        with cursor.variable():
            address, port = _parse_target(cursor, family, only_ports=only_ports)
        if cursor.accept(":"):
            port = parse_value(cursor, [_PORT])
        return address, port
    if cursor.accept(":") or only_ports:
        return None, parse_value(cursor, [_PORT])
    address_type = _ADDRESSES.get(family) or _guess_family(cursor)
    address = parse_value(cursor, [address_type, _PORT] if _yields_ports(cursor) else [address_type])
    return address, parse_value(cursor, [_PORT]) if cursor.accept(":") else None


def _yields_ports(cursor: Cursor) -> bool:
    """Whether the anonymous map ahead yields addresses with ports: ``map { 80 : 192.0.2.1 . 8080 }``."""
    at = cursor.index
    kinds = cursor.source.kinds
    while at < cursor.stop and kinds[at] not in (":", "nl", ";", "}"):
        at += 1
    return at < cursor.stop and kinds[at] == ":" and "." in kinds[at + 1 : at + 3] and "{" in kinds[cursor.index : at]


def _guess_family(cursor: Cursor) -> Datatype:
    """IPv6 where an address with colons comes next, or the first one in a map is of that kind."""
    at = cursor.index
    kinds, texts = cursor.source.kinds, cursor.source.texts
    while at < cursor.stop and kinds[at] not in ("nl", ";"):
        if kinds[at] == "var":
            definition = cursor.lookup(texts[at])
            if definition is not None and any(
                ":" in text and len(text) > 1 for text in definition.source.texts[definition.start : definition.stop]
            ):
                return _ADDRESSES["ip6"]
        if kinds[at] in ("word", "string"):
            if texts[at] == "ip6" or _ADDRESSES["ip6"].parse(texts[at]) is not None:
                return _ADDRESSES["ip6"]
            if _ADDRESSES["ip"].parse(texts[at]) is not None:
                return _ADDRESSES["ip"]
        at += 1
    return _ADDRESSES["ip"]


def _parse_tproxy(cursor: Cursor) -> Tproxy:
    """``tproxy ip to 127.0.0.1:1080``, ``tproxy to :1080``."""
    place = cursor.place()
    cursor.advance()
    family = cursor.accept_word("ip", "ip6")
    cursor.accept_word("to") or cursor.expect("to", "after tproxy")
    address, port = _parse_target(cursor, family, only_ports=False)
    return Tproxy(family, address, port, place)


def _parse_queue(cursor: Cursor) -> Queue:
    """``queue``, ``queue num 0-3 bypass,fanout``, ``queue flags bypass to 0``."""
    place = cursor.place()
    cursor.advance()
    number, flags = "", []
    while not cursor.at_end() and cursor.text != "comment":
        if cursor.accept_word("flags") or cursor.accept(","):
            continue
        if flag := cursor.accept_word("bypass", "fanout"):
            flags.append(flag)
        elif cursor.accept_word("num", "to"):
            start = cursor.index
            if cursor.kind == "var":
                with cursor.variable():
                    start = cursor.index
                    number = _take_numbers(cursor, start)
            else:
                number = _take_numbers(cursor, start)
        else:
            raise cursor.unexpected("num, flags, bypass or fanout", "after queue")
    return Queue(number, tuple(flags), place)


def _take_numbers(cursor: Cursor, start: int) -> str:
    """``3``, ``0-3``, or an expression such as ``numgen inc mod 4``."""
    while not cursor.at_end() and cursor.text not in ("bypass", "fanout", "flags", "comment"):
        cursor.advance()
    return _text_since(cursor, start)


def _parse_synproxy(cursor: Cursor) -> Statement:
    """``synproxy mss 1460 wscale 7 timestamp sack-perm``, ``synproxy name "x"``."""
    place = cursor.place()
    cursor.advance()
    if cursor.accept_word("name") or cursor.kind == "string":
        return _object(cursor, "synproxy", place)
    words = []
    while word := cursor.accept_word("mss", "wscale", "timestamp", "sack-perm"):
        words.append(word)
        if word in ("mss", "wscale"):
            words.append(str(cursor.expect_number("a number")))
    return Synproxy(" ".join(words), place)


def _parse_notrack(cursor: Cursor) -> Notrack:
    cursor.advance()
    return Notrack()


# Statements that are only kept -----------------------------------------------------------------------------------------------------


def _text_since(cursor: Cursor, start: int) -> str:
    """Tokens from ``start`` to before the one here, as text."""
    source = cursor.source
    words = [f'"{source.texts[at]}"' if source.kinds[at] == "string" else source.texts[at] for at in range(start, cursor.index)]
    return " ".join(words).replace(" - ", "-").replace("@ ", "@").replace(" : ", ":")


def _parse_flow(cursor: Cursor) -> Side:
    place = cursor.place()
    start = cursor.index
    cursor.advance()
    cursor.advance()
    cursor.expect("@", "after flow add")
    cursor.expect_name("the name of a flow table")
    return Side("flow add", _text_since(cursor, start), place)


def _parse_side(cursor: Cursor) -> Side:
    """``dup to …``, ``fwd to …``, ``last``, ``reset tcp option …``: to the rule's end or its comment."""
    place = cursor.place()
    start = cursor.index
    kind = cursor.advance()
    while not cursor.at_end() and cursor.text != "comment":
        cursor.advance()
    return Side(kind, _text_since(cursor, start), place)


def _parse_last(cursor: Cursor) -> Side:
    place = cursor.place()
    cursor.advance()
    if cursor.accept_word("used"):
        cursor.accept_word("never") or cursor.advance()
    return Side("last", "last", place)


def _parse_xt(cursor: Cursor) -> Statement:
    """``xt match "recent"``: what iptables-nft left behind that nft cannot say. Its parameters are not in the text."""
    place = cursor.place()
    start = cursor.index
    cursor.advance()
    kind = cursor.accept_word("match", "target", "watcher")
    if not kind:
        raise cursor.unexpected("match or target", "after xt")
    at = cursor.index
    name = cursor.expect_name("the name of an xtables module")
    if kind == "match":
        return Opaque(_text_since(cursor, start), f"xt match {name}", place)
    if name in ("LOG", "NFLOG", "TCPMSS", "CHECKSUM", "CLASSIFY", "TRACE"):
        return Side("xt target", _text_since(cursor, start), place)
    raise cursor.problem(
        f"the file does not say what the xtables target {name} is told to do", "load the rules from iptables-save instead", index=at
    )


# Updates of sets -------------------------------------------------------------------------------------------------------------------


def _parse_update(cursor: Cursor) -> SetUpdate:
    """``update @recent { ip saddr timeout 1m limit rate over 5/second }``."""
    place = cursor.place()
    op = cursor.advance()
    cursor.expect("@", f"after {op}")
    name = cursor.expect_name("the name of a set")
    cursor.expect("{", "after the set's name")
    keys, timeout, statements = _parse_new_element(cursor)
    data = None
    if cursor.accept(":"):
        cursor.skip_lines()
        data = parse_value(cursor, [DATATYPES["mark"]])
    cursor.skip_lines()
    cursor.expect("}", "after the element")
    return SetUpdate(op, name, keys, timeout, statements, data, place)


def _parse_old_update(cursor: Cursor) -> SetUpdate:
    """``set update ip saddr timeout 5s @recent``: how older files write it."""
    place = cursor.place()
    cursor.advance()
    op = cursor.accept_word("add", "update", "delete")
    if not op:
        raise cursor.unexpected("add or update", "after set")
    keys = parse_keys(cursor)
    timeout = parse_duration_word(cursor) if cursor.accept_word("timeout") else None
    cursor.expect("@", "before the set's name")
    return SetUpdate(op, cursor.expect_name("the name of a set"), keys, timeout, (), None, place)


def _parse_new_element(cursor: Cursor) -> tuple[tuple[Key, ...], int | None, tuple[Limit | Quota | ConnCount | Counter | Side, ...]]:
    cursor.skip_lines()
    keys = parse_keys(cursor)
    timeout = parse_duration_word(cursor) if cursor.accept_word("timeout") else None
    statements = []
    while cursor.kind == "word":
        statements.append(parse_stateful(cursor))
    return keys, timeout, tuple(statements)


def parse_stateful(cursor: Cursor) -> Limit | Quota | ConnCount | Counter | Side:
    """A statement that elements of a set can hold."""
    word = cursor.text
    if word == "limit":
        return parse_limit(cursor)
    if word == "quota":
        return parse_quota(cursor)
    if word == "counter":
        return parse_counter(cursor)
    if word == "last":
        return _parse_last(cursor)
    if word == "ct" and cursor.ahead() == "count":
        found = parse_ct_statement(cursor)
        if isinstance(found, ConnCount):
            return found
    known = ("timeout", "limit", "counter", "quota", "ct", "last")
    raise cursor.unexpected("limit, counter, quota or ct count", "in the element", did_you_mean(word, known))


def parse_meter(cursor: Cursor) -> tuple[SetUpdate, NamedSet]:
    """``meter NAME [size N] { KEY [timeout T] STATEMENT }``: a set that the rule makes and adds to."""
    place = cursor.place()
    cursor.advance()
    cursor.accept_word("table")
    name = cursor.expect_name("the name of a meter")
    size = cursor.expect_number("a number of elements") if cursor.accept_word("size") else _METER_SIZE
    cursor.expect("{", "after the meter's name")
    keys, timeout, statements = _parse_new_element(cursor)
    cursor.skip_lines()
    cursor.expect("}", "after the meter's element")
    types = tuple(key.selector.type_name for key in keys)
    selectors = tuple(key.selector for key in keys) if any(key.selector.type_name in ("integer", "string") for key in keys) else ()
    flags = ("dynamic", "timeout") if timeout is not None else ("dynamic",)
    created = NamedSet(name, types, selectors, flags=flags, size=size, place=place)
    return SetUpdate("update" if timeout is not None else "add", name, keys, timeout, statements, None, place), created


#: First word → reader.
ACTIONS: dict[str, Callable[[Cursor], Statement]] = {
    **dict.fromkeys(("snat", "dnat", "masquerade", "redirect"), _parse_nat),
    **dict.fromkeys(("add", "update", "delete"), _parse_update),
    "set": _parse_old_update,
    "tproxy": _parse_tproxy,
    "queue": _parse_queue,
    "synproxy": _parse_synproxy,
    "notrack": _parse_notrack,
    "flow": _parse_flow,
    "xt": _parse_xt,
    "last": _parse_last,
    **dict.fromkeys(("dup", "fwd", "reset"), _parse_side),
}
