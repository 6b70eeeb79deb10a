"""Reads the statements of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.model import (
    Element,
    Key,
    Log,
    Match,
    NamedSet,
    Nat,
    Place,
    Queue,
    Reject,
    Rule,
    SetLiteral,
    SetRef,
    Statement,
    Verdict,
    VerdictMap,
)
from pcapaudit.rules.nft.actions import ACTIONS, parse_assign, parse_counting, parse_ct_statement, parse_meter
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


def parse_rule(cursor: Cursor, family: str, sets: list[NamedSet] | None = None, into: list[Statement] | None = None) -> Rule:
    """All statements up to the end of the rule, which is not taken.

    Sets that its meters make are added to ``sets``, and statements to ``into`` as they are read.
    """
    place = cursor.place()
    statements: list[Statement] = into if into is not None else []
    comment = ""
    cursor.family = family
    context = _Context(family, sets if sets is not None else [])
    while not cursor.at_end():
        if cursor.text == "comment" and cursor.kind == "word":
            cursor.advance()
            comment = cursor.expect_new_name("a quoted text")
            if not cursor.at_end():
                cursor.warn("stock nft refuses this: the comment is not the last thing of the rule", "move it to the rule's end")
            continue
        if statements and _ends_rule(statements[-1]):
            raise cursor.problem("a statement after the verdict is never reached", "move it before the verdict, or remove it")
        statements.append(_parse_statement(cursor, context))
    if not statements:
        raise cursor.unexpected("a rule")
    return Rule(tuple(statements), comment, 0, place)


def _ends_rule(statement: Statement) -> bool:
    return isinstance(statement, (Reject, Queue, Nat)) or (isinstance(statement, Verdict) and statement.kind != "continue")


class _Context:
    """What earlier statements of the rule say about the packet: its family and transport protocol, where they are settled."""

    def __init__(self, family: str, sets: list[NamedSet]) -> None:
        self.family = family
        self.sets = sets
        self.l3 = {"ip": 4, "ip6": 6}.get(family, 0)
        self.proto: int | None = None

    def note(self, cursor: Cursor, start: int, key: Key) -> None:
        """Check what the key needs against what is settled, and settle it."""
        selector = key.selector
        if selector.l3 and self.l3 and selector.l3 != self.l3 and selector.base == "transport":
            # nft asks such a rule for the protocol alone, which packets of the other version may have.
            cursor.warn(f"{selector.text} in a rule for packets of the other IP version: it matches none that means it", index=start)
            return
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
    if simple is not None and not (word in ("dup", "last") and cursor.ahead() in ("saddr", "daddr")):
        return simple(cursor)
    if word == "meter":
        statement, created = parse_meter(cursor)
        context.sets.append(created)
        return statement
    if word == "ct" and cursor.ahead() in ("count", "helper", "timeout", "expectation", "event"):
        special = parse_ct_statement(cursor)
        if special is not None:
            return special
    return _parse_match(cursor, context)


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
    if cursor.kind == "word" and cursor.text == "set" and len(keys) == 1:
        return parse_assign(cursor, keys[0], place)
    if cursor.kind == "!" and len(keys) == 1 and keys[0].selector.datatype.is_mask and keys[0].mask is None:
        cursor.advance()
        return _none_of(keys[0], parse_right(cursor, keys), place)
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


def _none_of(key: Key, right: SetLiteral | SetRef, place: Place) -> Match:
    """``ct status ! dnat,snat``: none of these bits is set."""
    bits = 0
    for each in right.elements if isinstance(right, SetLiteral) else ():
        bits |= each.parts[0][0]
    return Match((replace(key, mask=bits),), "==", SetLiteral((Element(((0, 0),)),)), place)


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
    known = ("sequence", "options")
    names = [cursor.accept_word(*known) or cursor.expect("sequence or options", "after flags")]
    while cursor.accept(","):
        names.append(cursor.accept_word(*known) or cursor.expect("sequence or options", "after flags"))
    return f"{word} {','.join(names)}"


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
    "counter": parse_counting,
    "log": _parse_log,
    "limit": parse_counting,
    "quota": parse_counting,
    "reject": _parse_reject,
    **ACTIONS,
}
