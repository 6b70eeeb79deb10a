"""The language in which people name packets, flows and findings; ``matcher`` finds what it means.

    10.0.0.5:4000 > 192.0.2.1:443/tcp                 a five-tuple, as reports print it
    10.0.0.0/8 > *:53,853/udp                         networks, wildcards, several ports, ranges (1024-65535)
    10.0.0.5 <> [2001:db8::1]:443                     either way round
    * > *:443/tcp ct new verdict drop                 and what else must hold
    frame 10-20 not rule fw.nft:12                    terms alone; "not" turns one round
    udp-hole-punch severity high                      a finding: its code comes first (* for any)

A packet's source is the sender of that packet, a flow's source the side that opened it. Terms are joined by "and"; values of one term,
separated by commas, by "or".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NoReturn

from pcapaudit.core import consts, vocab
from pcapaudit.core.errors import SelectorError

__all__ = ["ANY", "Endpoint", "Selector", "Term", "parse_selector", "parse_term", "words_of"]

_TOKEN = re.compile(r'"[^"]*"|<>|>|[^\s">]+')
_PROTOCOLS = {name: number for number, name in vocab.PROTOCOLS.items()}
_PROTO_END = re.compile(r"/([a-z][a-z0-9]*)$")
_WITH_PORTS = {consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP}
_NUMBER = re.compile(r"\d+")
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|land|\*")
_FRACTION_DIGITS = 9

#: What a term takes: a pair of bounds (None for an open one), a number, a network or a word.
Value = Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a tuple."""

    #: None for any address.
    network: IPv4Network | IPv6Network | None = None
    #: Ranges of ports, ends included; empty for any port and for none.
    ports: tuple[tuple[int, int], ...] = ()


ANY = Endpoint()


@dataclass(frozen=True, slots=True)
class Term:
    """What must hold besides the tuple."""

    #: A key of ``_TERMS``.
    name: str
    #: One of these must hold.
    values: tuple[Value, ...]
    #: None of them may hold instead.
    negated: bool
    #: Column (from 1) and width of the values in the text.
    column: int
    width: int


@dataclass(frozen=True, slots=True)
class Selector:
    """What a text selects."""

    #: As it was given.
    text: str
    #: ``packet``, ``flow`` or ``finding``.
    kind: str
    #: A finding's code; empty for any.
    code: str
    source: Endpoint
    target: Endpoint
    #: Source and target may change places.
    both_ways: bool
    #: Protocol number, None for any.
    proto: int | None
    terms: tuple[Term, ...]

    @property
    def has_tuple(self) -> bool:
        """Whether it says anything about addresses, ports or protocol in its tuple."""
        return (self.source, self.target, self.proto) != (ANY, ANY, None)


def parse_selector(text: str, kind: str) -> Selector:
    """Read a selector of a ``kind``: packet, flow or finding. Raises SelectorError, which shows the place."""
    return _Parser(text, kind).parse()


def parse_term(name: str, values: Sequence[str], kind: str) -> Selector:
    """The selector ``NAME VALUE,VALUE``, as ``parse_selector`` would make it. Raises SelectorError about the first wrong value."""
    kinds, read = _TERMS[name]
    if kind not in kinds:
        raise SelectorError(name, 1, len(name), f"a {kind} has no {name}: that can be said of a {' or a '.join(kinds)}")
    found = []
    for text in values:
        try:
            found.append(read(text))
        except ValueError as error:
            raise SelectorError(text, 1, len(text), f"{name} {text}: {error}") from None
    shown = ", ".join(values)
    return Selector(shown, kind, "", ANY, ANY, False, None, (Term(name, tuple(found), False, 1, len(shown)),))


def words_of(kind: str) -> list[str]:
    """The words of terms that can be said of a kind."""
    return [name for name, (kinds, _) in _TERMS.items() if kind in kinds]


class _Parser:
    def __init__(self, text: str, kind: str) -> None:
        self._text, self._kind = text, kind
        self._tokens = [(match[0], match.start() + 1) for match in _TOKEN.finditer(text)]
        self._at = 0

    def parse(self) -> Selector:
        if not self._tokens:
            raise SelectorError(self._text, 1, 1, f"an empty selector: expected a {self._kind}, such as {_EXAMPLES[self._kind]!r}")
        code = self._code() if self._kind == "finding" else ""
        source, target, both_ways, proto = self._tuple()
        terms = []
        while self._at < len(self._tokens):
            terms.append(self._term())
        return Selector(self._text, self._kind, code, source, target, both_ways, proto, tuple(terms))

    def _code(self) -> str:
        """The finding's code, where the text begins with one."""
        word = self._tokens[0][0]
        if word in _TERMS or word == "not" or self._word(1) in {">", "<>"}:
            return ""
        if not _CODE.fullmatch(word):
            self._fail(f"{word!r} is no code of a finding: expected one such as udp-hole-punch ('pcapaudit findings list' shows them)")
        self._at = 1
        return "" if word == "*" else word

    def _tuple(self) -> tuple[Endpoint, Endpoint, bool, int | None]:
        if self._word(1) not in {">", "<>"}:
            word = self._word()
            if word in {"*", "any"}:
                self._at += 1
            elif word and word not in _TERMS and word != "not":
                self._fail(f"expected SOURCE > DESTINATION or one of the words {', '.join(self._words())}, found {word!r}")
            return ANY, ANY, False, None
        source = self._endpoint(self._word())
        both_ways = self._word(1) == "<>"
        self._at += 2
        if not self._word():
            self._fail("expected a destination behind the arrow", end=True)
        word = self._word()
        proto = None
        if end := _PROTO_END.search(word):
            proto = self._proto(end[1], end.start(1))
            word = word[: end.start()]
        target = self._endpoint(word)
        versions = {end.network.version for end in (source, target) if end.network}
        if len(versions) > 1:
            self._fail("no packet goes from an IPv4 address to an IPv6 address, or back")
        if (source.ports or target.ports) and proto is not None and proto not in _WITH_PORTS:
            self._fail(f"{vocab.PROTOCOLS[proto]} has no ports")
        self._at += 1
        return source, target, both_ways, proto

    def _proto(self, name: str, offset: int) -> int:
        if name not in _PROTOCOLS:
            self._fail(
                f"{name!r} is no protocol that is known by name: expected tcp, udp, icmp, …, or 'proto NUMBER' behind", offset, len(name)
            )
        return _PROTOCOLS[name]

    def _endpoint(self, word: str) -> Endpoint:
        """``ADDRESS``, ``ADDRESS:PORTS``, ``[V6]:PORTS``, ``*:PORTS``; an address may be a network."""
        address, ports = word, ""
        if word.startswith("["):
            address, bracket, rest = word[1:].partition("]")
            length, _, ports = rest.partition(":")
            if not bracket:
                self._fail("expected ']' behind the address")
            address += length
        elif word.count(":") == 1:
            address, _, ports = word.partition(":")
        start = len(word) - len(ports)
        return Endpoint(self._network(address), self._ports(ports, start) if ports not in {"", "*", "any"} else ())

    def _network(self, text: str) -> IPv4Network | IPv6Network | None:
        if text in {"*", "any", ""}:
            return None
        if text.endswith(".*"):
            octets = text.split(".")
            given = [octet for octet in octets if octet != "*"]
            if len(octets) == 4 and octets[: len(given)] == given:
                text = f"{'.'.join(given + ['0'] * (4 - len(given)))}/{8 * len(given)}"
        try:
            return ip_network(text)
        except ValueError as error:
            self._fail(f"{text!r} is no address, no network and no '*': {error}")

    def _ports(self, text: str, start: int) -> tuple[tuple[int, int], ...]:
        ranges = []
        for part in text.split(","):
            low, dash, high = part.partition("-")
            pair = (low, high if dash else low)
            if not all(_NUMBER.fullmatch(each) and int(each) <= 0xFFFF for each in pair):
                self._fail(f"{part!r} is no port: expected numbers up to 65535, such as 443, 80,443 or 1024-65535", start, len(text))
            if int(pair[0]) > int(pair[1]):
                self._fail(f"no port is from {pair[0]} to {pair[1]}", start, len(text))
            ranges.append((int(pair[0]), int(pair[1])))
            start += len(part) + 1
        return tuple(ranges)

    def _term(self) -> Term:
        negated = self._word() == "not"
        self._at += negated
        name = self._word()
        if not name:
            self._fail(f"expected one of {', '.join(self._words())} behind 'not'", end=True)
        if name not in _TERMS:
            self._fail(f"expected one of {', '.join(self._words())}, found {name!r}")
        kinds, read = _TERMS[name]
        if self._kind not in kinds:
            self._fail(
                f"a {self._kind} has no {name}: that can be said of a {' or a '.join(kinds)}; expected one of {', '.join(self._words())}"
            )
        self._at += 1
        if not self._word():
            self._fail(f"expected a value behind {name!r}", end=True)
        word, column = self._tokens[self._at]
        parts = [word[1:-1]] if word.startswith('"') else word.split(",")
        values = []
        for part in parts:
            try:
                values.append(read(part))
            except ValueError as error:
                self._fail(f"{name} {part}: {error}", word.find(part), max(1, len(part)))
        if "mixed" in values and name == "verdict" and self._kind == "packet":
            self._fail("the verdict of one packet is never mixed: that can be said of a flow")
        self._at += 1
        return Term(name, tuple(values), negated, column, len(word))

    def _words(self) -> list[str]:
        return words_of(self._kind)

    def _word(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][0] if at < len(self._tokens) else ""

    def _fail(self, message: str, offset: int = 0, width: int = 0, *, end: bool = False) -> NoReturn:
        """Complain about a part of the current token, or about what is missing at the end."""
        if end or self._at >= len(self._tokens):
            raise SelectorError(self._text, len(self._text) + 2, 1, message)
        word, column = self._tokens[self._at]
        raise SelectorError(self._text, column + offset, width or len(word) - offset, message)


def _named(vocabulary: dict[int, str], *more: str) -> Callable[[str], str]:
    names = [name for name in vocabulary.values() if name] + list(more)

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return text

    return read


def _proto(text: str) -> int:
    if _NUMBER.fullmatch(text) and int(text) < 256:
        return int(text)
    if text not in _PROTOCOLS:
        raise ValueError(f"expected a number up to 255 or one of {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[text]


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("expected a number")
    return int(text)


def _range(text: str) -> tuple[int | None, int | None]:
    """``7``, ``7-9``, ``7-``, ``-9``."""
    low, dash, high = text.partition("-")
    if not dash:
        low = high = text
    if not (low or high) or not all(not each or _NUMBER.fullmatch(each) for each in (low, high)):
        raise ValueError("expected a number or a range, such as 7, 7-9, 7- or -9")
    bounds = int(low) if low else None, int(high) if high else None
    if None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]  # neither is None
        raise ValueError("the range ends before it begins")
    return bounds


def _times(text: str) -> tuple[tuple[bool, int] | None, tuple[bool, int] | None]:
    """``+1.5..+3`` seconds after the first frame, or ISO 8601 (UTC unless it says otherwise); either end may be left away."""
    low, dots, high = text.partition("..")
    if not dots or not (low or high):
        raise ValueError("expected FROM..TO, each +SECONDS after the first frame or an ISO 8601 time, such as +0..+1.5")
    bounds = _instant(low), _instant(high)
    if bounds[0] and bounds[1] and bounds[0][0] == bounds[1][0] and bounds[0][1] > bounds[1][1]:
        raise ValueError("the range ends before it begins")
    return bounds


def _instant(text: str) -> tuple[bool, int] | None:
    """Whether it counts from the first frame, and nanoseconds."""
    if not text:
        return None
    if match := re.fullmatch(r"\+(\d+)(?:\.(\d{1,9}))?", text):
        return True, int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(_FRACTION_DIGITS, "0"))
    try:
        when = datetime.fromisoformat(re.sub(r"(\.\d{6})\d{1,3}", r"\1", text))
    except ValueError:
        raise ValueError(f"{text!r} is neither +SECONDS nor an ISO 8601 time such as 2024-05-01T12:00:00Z") from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    epoch = when - datetime(1970, 1, 1, tzinfo=UTC)
    nanos = (epoch.days * 86_400 + epoch.seconds) * 1_000_000_000 + epoch.microseconds * 1000
    rest = re.search(r"\.\d{6}(\d{1,3})", text)
    return False, nanos + (int(rest[1].ljust(3, "0")) if rest else 0)


def _host(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _icmp(text: str) -> tuple[int, int | None]:
    kind, slash, code = text.partition("/")
    if not _NUMBER.fullmatch(kind) or (slash and not _NUMBER.fullmatch(code)):
        raise ValueError("expected TYPE or TYPE/CODE in numbers, such as 8 or 3/1")
    return int(kind), int(code) if slash else None


def _yes(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError("expected yes or no")
    return text == "yes"


def _word(text: str) -> str:
    if not text:
        raise ValueError("expected FILE:LINE, a comment in quotes, or policy")
    return text


_ALL = ("packet", "flow", "finding")
_TRAFFIC = ("packet", "flow")
_STATE_NAMES = dict(enumerate(dict.fromkeys([*vocab.TCP_STATES.values(), *vocab.SCTP_STATES.values(), *vocab.DCCP_STATES.values()])))

#: Word → (what it can be said of, how its value is read; ValueError says what was expected).
_TERMS: dict[str, tuple[tuple[str, ...], Callable[[str], Value]]] = {
    "proto": (_TRAFFIC, _proto),
    "host": (_TRAFFIC, _host),
    "port": (_TRAFFIC, _range),
    "icmp": (_TRAFFIC, _icmp),
    "ct": (_TRAFFIC, _named(vocab.CT_STATES)),
    "direction": (("packet",), _named(vocab.DIRECTIONS)),
    "state": (_TRAFFIC, _named(_STATE_NAMES)),
    "verdict": (_TRAFFIC, _named(vocab.VERDICTS, "mixed")),
    "decided": (_TRAFFIC, _yes),
    "reason": (_TRAFFIC, _named(vocab.REASONS)),
    "rule": (_ALL, _word),
    "flow": (_ALL, _range),
    "frame": (_ALL, _range),
    "time": (_TRAFFIC, _times),
    "accepted": (("flow",), _range),
    "dropped": (("flow",), _range),
    "rejected": (("flow",), _range),
    "undecided": (("flow",), _range),
    "invalid": (("flow",), _range),
    "end": (("flow",), _named(vocab.END_REASONS)),
    "severity": (("finding",), _named(dict(enumerate(("critical", "high", "medium", "low", "info"))))),
}
_EXAMPLES = {"packet": "10.0.0.5 > *:443/tcp frame 7", "flow": "10.0.0.5 > 192.0.2.1:443/tcp", "finding": "udp-hole-punch"}
