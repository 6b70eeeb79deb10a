"""Reads the statements of a rule."""

from __future__ import annotations

from collections.abc import Callable

from pcapaudit.rules import tables
from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.model import (
    Counter,
    Element,
    Key,
    Limit,
    Log,
    Match,
    Reject,
    Rule,
    SetLiteral,
    SetRef,
    Statement,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.nft.expressions import parse_elements, parse_keys, parse_right

__all__ = ["parse_rule", "parse_verdict"]

_OPERATORS = {
    "==": "==",
    "!=": "!=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
}
_VERDICTS = frozenset({"accept", "drop", "continue", "return", "jump", "goto"})
_LOG_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit")
_UNSUPPORTED = {
    "masquerade": "NAT (masquerade) is",
    "snat": "NAT (snat) is",
    "dnat": "NAT (dnat) is",
    "redirect": "NAT (redirect) is",
    "tproxy": "tproxy is",
    "synproxy": "synproxy is",
    "queue": "queue is",
    "notrack": "notrack is",
    "meter": "meters are",
    "add": "adding to sets from rules is",
    "update": "updating sets from rules is",
    "delete": "deleting from sets in rules is",
    "flow": "flow offload is",
    "dup": "dup is",
    "fwd": "fwd is",
    "quota": "quota is",
    "last": "last is",
    "secmark": "secmark is",
}
_BYTE_UNITS = {"bytes": 1, "kbytes": 1 << 10, "mbytes": 1 << 20, "gbytes": 1 << 30}


def parse_rule(cursor: Cursor, family: str) -> Rule:
    """All statements up to the end of the rule, which is not taken."""
    place = cursor.place()
    statements: list[Statement] = []
    comment = ""
    context = _Context(family)
    while not cursor.at_end():
        if cursor.text == "comment" and cursor.kind == "word":
            cursor.advance()
            comment = cursor.expect_name("a quoted text")
            continue
        if statements and _ends_rule(statements[-1]):
            raise cursor.problem("a statement after the verdict is never reached", "move it before the verdict, or remove it")
        statements.append(_parse_statement(cursor, context))
    if not statements:
        raise cursor.unexpected("a rule")
    return Rule(tuple(statements), comment, 0, place)


def _ends_rule(statement: Statement) -> bool:
    return isinstance(statement, Reject) or (isinstance(statement, Verdict) and statement.kind != "continue")


class _Context:
    """What earlier statements of the rule say about the packet: its family and transport protocol, where they are settled."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.l3 = {"ip": 4, "ip6": 6}.get(family, 0)
        self.proto: int | None = None

    def note(self, cursor: Cursor, start: int, key: Key) -> None:
        """Check what the key needs against what is settled, and settle it."""
        selector = key.selector
        if selector.l3 and self.l3 and selector.l3 != self.l3:
            names = {4: "ip", 6: "ip6"}
            raise cursor.problem(
                f"conflicting protocols: {selector.text} in a rule for {names[self.l3]} packets",
                "such a rule can never match",
                index=start,
                width=cursor.span(start),
            )
        if selector.proto is not None and self.proto is not None and selector.proto != self.proto:
            raise cursor.problem(
                f"conflicting protocols: {selector.text} in a rule for {DATATYPES['inet_proto'].format(self.proto)} packets",
                "such a rule can never match",
                index=start,
                width=cursor.span(start),
            )
        self.l3 = self.l3 or selector.l3
        self.proto = selector.proto if selector.proto is not None else self.proto

    def settle(self, match: Match) -> None:
        """A comparison with one protocol settles it for the rest of the rule."""
        if match.op != "==" or len(match.keys) != 1 or not isinstance(match.right, SetLiteral) or match.right.braces:
            return
        first, last = match.right.elements[0].parts[0]
        if first != last or match.keys[0].mask is not None:
            return
        name = match.keys[0].selector.text
        if name in ("ip protocol", "ip6 nexthdr", "meta l4proto"):
            self.proto = first
        elif name == "meta nfproto":
            self.l3 = {2: 4, 10: 6}.get(first, self.l3)


def _parse_statement(cursor: Cursor, context: _Context) -> Statement:
    word = cursor.text if cursor.kind == "word" else ""
    if word in _VERDICTS:
        return parse_verdict(cursor)
    simple = _SIMPLE.get(word)
    if simple is not None:
        return simple(cursor)
    if word in _UNSUPPORTED:
        raise cursor.problem(f"{_UNSUPPORTED[word]} not supported yet", "remove the rule, or wait for a later version")
    if word in ("meta", "ct", "mark") or (word in ("tcp", "ip", "ip6") and "set" in (cursor.ahead(2), cursor.ahead(4))):
        _refuse_mangling(cursor)
    return _parse_match(cursor, context)


def _refuse_mangling(cursor: Cursor) -> None:
    if cursor.ahead() == "set" or cursor.ahead(2) == "set" or (cursor.ahead(1) == "option" and cursor.ahead(4) == "set"):
        raise cursor.problem("changing packets and marks (… set …) is not supported yet", "remove the rule, or wait for a later version")


def parse_verdict(cursor: Cursor) -> Verdict:
    """``accept``, ``jump CHAIN`` and the others."""
    kind = cursor.accept_word(*_VERDICTS)
    if not kind:
        raise cursor.problem(
            f'found "{cursor.text}", expected a verdict', did_you_mean(cursor.text, _VERDICTS) or f"one of: {', '.join(sorted(_VERDICTS))}"
        )
    if kind in ("jump", "goto"):
        if cursor.kind == "var":
            with cursor.variable():
                return Verdict(kind, cursor.expect_name("the name of a chain"))
        return Verdict(kind, cursor.expect_name("the name of a chain"))
    return Verdict(kind)


def _parse_match(cursor: Cursor, context: _Context) -> Statement:
    start = cursor.index
    place = cursor.place()
    keys = parse_keys(cursor)
    for key in keys:
        context.note(cursor, start, key)
    if cursor.accept_word("vmap"):
        return VerdictMap(keys, _parse_verdict_map(cursor, keys), place)
    if cursor.text == "map":
        raise cursor.problem("maps are not supported yet", "remove the rule, or wait for a later version")
    operator = _parse_operator(cursor)
    if cursor.at_end():
        raise cursor.unexpected(f"a value to compare {keys[0].selector.text} with")
    right_at = cursor.index
    right = parse_right(cursor, keys)
    match = _finish_match(cursor, Match(keys, operator or "==", right, place), operator)
    if isinstance(right, SetLiteral) and right.braces and match.op not in ("==", "!="):
        raise cursor.problem(f'"{operator}" does not go with a set', "use == or !=", index=right_at)
    context.settle(match)
    return match


def _parse_operator(cursor: Cursor) -> str:
    if cursor.kind in _OPERATORS:
        return _OPERATORS[cursor.advance()]
    if cursor.kind == "word" and cursor.text in _OPERATORS:
        return _OPERATORS[cursor.advance()]
    if cursor.kind == "!":
        raise cursor.problem('found "!", expected an operator', "write != for not equal")
    return ""


def _finish_match(cursor: Cursor, match: Match, operator: str) -> Match:
    """Comma lists of mask types, and ``flags VALUE / MASK``."""
    key, right = match.keys[0], match.right
    if len(match.keys) > 1 or not key.selector.datatype.is_mask or not isinstance(right, SetLiteral) or right.braces:
        return match
    if cursor.accept("/"):
        mask = parse_right(cursor, (key,))
        if not isinstance(mask, SetLiteral) or mask.braces:
            raise cursor.unexpected("a mask")
        return Match((Key(key.selector, mask.elements[0].parts[0][0]),), match.op, right, match.place)
    if not operator and key.mask is None:
        return Match(match.keys, "any", right, match.place)
    value = right.elements[0].parts[0][0]
    if match.op == "!=" and key.mask is None and value & (value - 1):
        cursor.warn(
            f"{key.selector.text} != with several values is true unless all of them are set at once",
            f"to exclude each of them write: {key.selector.text} != {{ {key.selector.datatype.format(value).replace(',', ', ')} }}",
            index=cursor.index - 1,
        )
    return match


def _parse_verdict_map(cursor: Cursor, keys: tuple[Key, ...]) -> SetLiteral | SetRef:
    if cursor.kind == "@":
        cursor.advance()
        return SetRef(cursor.expect_name("the name of a map"))
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_verdict_map(cursor, keys)
    types = [key.selector.datatype for key in keys]
    return SetLiteral(parse_elements(cursor, types, value=_verdict_element), braces=True)


def _verdict_element(cursor: Cursor) -> Element:
    return Element((), parse_verdict(cursor))


# Statements that look at nothing of the packet -------------------------------------------------------------------------------------


def _parse_counter(cursor: Cursor) -> Counter:
    cursor.advance()
    if cursor.text == "name" or cursor.kind == "string":
        raise cursor.problem("named counters are not supported yet", "write: counter")
    packets = cursor.expect_number("a number of packets") if cursor.accept_word("packets") else None
    size = cursor.expect_number("a number of bytes") if cursor.accept_word("bytes") else None
    return Counter(packets, size)


def _parse_log(cursor: Cursor) -> Log:
    cursor.advance()
    options: list[tuple[str, str]] = []
    while (word := cursor.accept_word("prefix", "level", "group", "snaplen", "queue-threshold", "flags")) or cursor.kind == "var":
        if not word:
            raise cursor.unexpected("an option of log, or the end of the rule")
        options.append((word, _log_value(cursor, word)))
    return Log(tuple(options))


def _log_value(cursor: Cursor, option: str) -> str:
    if cursor.kind == "var":
        with cursor.variable():
            return _log_value(cursor, option)
    if option == "prefix":
        if cursor.kind != "string":
            raise cursor.unexpected("a quoted text", "after prefix", advice='write: log prefix "text"')
        return cursor.advance()
    if option == "level":
        if cursor.text not in _LOG_LEVELS:
            raise cursor.problem(
                f'no log level is called "{cursor.text}"', did_you_mean(cursor.text, _LOG_LEVELS) or f"one of: {', '.join(_LOG_LEVELS)}"
            )
        return cursor.advance()
    if option == "flags":
        return _log_flags(cursor)
    return str(cursor.expect_number("a number"))


def _log_flags(cursor: Cursor) -> str:
    """``all``, ``skuid``, ``ether``, ``tcp sequence,options``, ``ip options``."""
    word = cursor.accept_word("all", "skuid", "ether", "tcp", "ip")
    if not word:
        raise cursor.unexpected("all, skuid, ether, tcp sequence, tcp options or ip options")
    if word not in ("tcp", "ip"):
        return word
    names = [cursor.expect_name("sequence or options")]
    while cursor.accept(","):
        names.append(cursor.expect_name("sequence or options"))
    return f"{word} {','.join(names)}"


def _parse_limit(cursor: Cursor) -> Limit:
    place = cursor.place()
    cursor.advance()
    if cursor.text == "name" or cursor.kind == "string":
        raise cursor.problem("named limits are not supported yet", "write: limit rate N/second")
    if not cursor.accept_word("rate"):
        raise cursor.unexpected('"rate"', "after limit")
    over = bool(cursor.accept_word("over"))
    cursor.accept_word("until")
    rate_at = cursor.index
    rate, of_bytes, per_s = _parse_rate(cursor)
    if rate == 0:
        raise cursor.problem("a rate of 0 is no limit", "write a rate of at least 1", index=rate_at)
    burst = 0 if of_bytes else 5
    if cursor.accept_word("burst"):
        burst_at = cursor.index
        burst, burst_of_bytes = _parse_amount(cursor, "a burst")
        burst = burst or (0 if of_bytes else 5)
        if of_bytes != burst_of_bytes and burst:
            raise cursor.problem("rate and burst count different things", "give both in packets or both in bytes", index=burst_at)
    return Limit(rate, per_s, over, of_bytes, burst, place)


def _parse_rate(cursor: Cursor) -> tuple[int, bool, int]:
    """``10/minute`` or ``2 mbytes/second``: amount, whether it counts bytes, seconds."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_rate(cursor)
    unit, slash, period = cursor.ahead().partition("/")
    if slash and (unit in _BYTE_UNITS or unit == "packets"):  # one word to the lexer
        rate = cursor.expect_number("a rate") * _BYTE_UNITS.get(unit, 1)
        of_bytes = unit in _BYTE_UNITS
    else:
        rate, of_bytes = _parse_amount(cursor, "a rate")
        cursor.expect("/", "after the rate")
        period = cursor.text
    per_s = tables.SECONDS_PER.get(period)
    if per_s is None:
        raise cursor.problem(
            f'found "{period}", expected a unit of time', did_you_mean(period, tables.SECONDS_PER) or "second, minute, hour, day, week"
        )
    cursor.advance()
    return rate, of_bytes, per_s


def _parse_amount(cursor: Cursor, what: str) -> tuple[int, bool]:
    """A number of packets, or of bytes with a unit."""
    if cursor.kind == "var":
        with cursor.variable():
            return _parse_amount(cursor, what)
    number = cursor.expect_number(what)
    unit = cursor.accept_word("packets", *_BYTE_UNITS)
    return (number * _BYTE_UNITS[unit], True) if unit in _BYTE_UNITS else (number, False)


def _parse_reject(cursor: Cursor) -> Reject:
    cursor.advance()
    if not cursor.accept_word("with"):
        return Reject()
    kind = cursor.accept_word("icmp", "icmpv6", "icmpx", "tcp")
    if not kind:
        raise cursor.unexpected("icmp, icmpv6, icmpx or tcp reset", "after reject with")
    if kind == "tcp":
        if not cursor.accept_word("reset"):
            raise cursor.unexpected('"reset"', "after reject with tcp")
        return Reject("tcp", 0)
    cursor.accept_word("type", "code")
    codes = DATATYPES[f"{kind}_code"]
    number = codes.parse(cursor.text) if cursor.kind in ("word", "string") else None
    if number is None:
        raise cursor.problem(
            f'"{cursor.text}" is no code of {kind}', did_you_mean(cursor.text, codes.symbols) or f"one of: {', '.join(codes.symbols)}"
        )
    cursor.advance()
    return Reject(kind, number)


_SIMPLE: dict[str, Callable[[Cursor], Statement]] = {
    "counter": _parse_counter,
    "log": _parse_log,
    "limit": _parse_limit,
    "reject": _parse_reject,
}
