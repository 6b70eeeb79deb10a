"""Reads the TOML of a policy file, and complains with file, line and column. An example with every key::

    default = "deny"                    # or "reject", "allow": what happens to packets that no rule speaks of
    stateful = true                     # replies, and what belongs to a connection, pass without a rule of their own
    drop-invalid = true                 # packets that fit no connection and can open none are dropped
    log-denied = false                  # log what the default denies

    [firewall]
    addresses = ["192.168.10.1/24"]     # the firewall's own, as `ip address` prints them

    [zones.lan]
    interface = "eth1"                  # default: the zone's name
    networks = ["192.168.10.0/24"]      # what lies behind it; "any" for the rest of the world

    [zones.wan]
    networks = ["any"]

    [services]
    intranet = "tcp 8080, 8443"         # names for rules, beside the known ones

    [rules]                             # in this order; the first that fits decides
    "lan to wan" = "allow dns, http, https, ping"
    "wan to lan" = ["allow tcp 443 to 192.168.10.20", "deny telnet and log"]
    "lan to firewall" = "allow ssh from 192.168.10.5"

``firewall`` is the machine itself, ``any`` is every zone; both stand without a table of their own. TOML says nothing about lines, so the
keys are looked for in the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_interface, ip_network
from typing import Any

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.model import Place
from pcapaudit.rules.policy.services import KNOWN_SERVICES, PolicyWordError, Service, near, parse_services

__all__ = ["ANY", "FIREWALL", "Policy", "PolicyReader", "PolicyRule", "PolicyZone"]

#: Zones that stand without a table of their own.
FIREWALL, ANY = "firewall", "any"
_KEYS = ("default", "stateful", "drop-invalid", "log-denied", "firewall", "zones", "services", "rules")
_ZONE_KEYS = ("interface", "networks")
_DEFAULTS = ("deny", "reject", "allow")
_SECTION = re.compile(r"(?m)^[ \t]*\[(zones\b|services\]|rules\]|firewall\])")
_LINE_KEY = re.compile(
    r"""[ \t]*((?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)(?:[ \t]*\.[ \t]*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+))*)[ \t]*="""
)
_LINE_TABLE = re.compile(r"[ \t]*\[([^\[\]]+)\][ \t]*(?:#.*)?$")
_TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class PolicyZone:
    """Networks behind an interface."""

    name: str
    #: Interface, a trailing ``*`` for any that begin so.
    interface: str
    #: Networks, or ``any``.
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One sentence about two groups of zones."""

    #: Where the connection comes from: zones, ``firewall`` or ``any``.
    sources: tuple[str, ...]
    #: Where it goes.
    targets: tuple[str, ...]
    #: ``allow dns, http from 192.0.2.1 and log``.
    sentence: str
    place: Place


@dataclass(slots=True)
class Policy:
    """The whole file."""

    zones: dict[str, PolicyZone] = field(default_factory=dict)
    #: Own addresses of the firewall.
    own: tuple[str, ...] = ()
    #: Known services and the file's own.
    services: dict[str, tuple[Service, ...]] = field(default_factory=lambda: dict(KNOWN_SERVICES))
    rules: list[PolicyRule] = field(default_factory=list)
    #: ``deny``, ``reject`` or ``allow``.
    default: str = "deny"
    stateful: bool = True
    drop_invalid: bool = True
    log_denied: bool = False


class PolicyReader:
    """Reads one file; complaints are in ``diagnostics``."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = text.removeprefix("\ufeff").splitlines()
        self.text = "\n".join((*self.lines, ""))
        self.diagnostics: list[Diagnostic] = []
        self._places: dict[tuple[str, ...], Place] = {}
        #: Tables and keys that the file has.
        self.keys: frozenset[tuple[str, ...]] = frozenset()

    def read(self) -> Policy:
        """The policy, as far as it can be understood."""
        policy = Policy()
        try:
            given = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            self._no_toml(str(error))
            return policy
        for key, place in _find_places(self.lines, self.path):
            self._places.setdefault(key, place)
        self.keys = frozenset(self._places)
        self._check_keys(given, _KEYS, ())
        self._settings(policy, given)
        firewall = self._typed(given, ("firewall",), dict, "a table: [firewall]") or {}
        self._check_keys(firewall, ("addresses",), ("firewall",))
        policy.own = tuple(self._addresses(firewall, ("firewall", "addresses"), own=True))
        for name, table in (self._typed(given, ("zones",), dict, "tables: [zones.lan]") or {}).items():
            self._zone(policy, name, table)
        for name, words in (self._typed(given, ("services",), dict, "a table: [services]") or {}).items():
            self._service(policy, name, words)
        for name, sentences in (self._typed(given, ("rules",), dict, "a table: [rules]") or {}).items():
            self._rules(policy, name, sentences)
        if not policy.zones:
            self.complain((), "no zone", 'write for example: [zones.lan] with interface = "eth1" and networks = ["192.168.0.0/16"]')
        return policy

    # Complaints and places ------------------------------------------------------------------------------------------------------

    def place(self, key: tuple[str, ...], value: str = "") -> Place:
        """Where a key stands, or the text behind it; where its table begins if it is not found, line 1 in the end."""
        while key and key not in self._places:
            key = key[:-1]
        found = self._places.get(key, Place(self.path, 1, 1))
        if value and key:
            for line in range(found.line, len(self.lines) + 1):
                for quoted in (f'"{value}"', f"'{value}'"):
                    at = self.lines[line - 1].find(quoted, found.column - 1 if line == found.line else 0)
                    if at >= 0:
                        return Place(self.path, line, at + 2)
        return found

    def complain(self, key: tuple[str, ...], message: str, advice: str = "", *, value: str = "", word: str = "") -> None:
        """Note what is wrong at a key, or with ``value`` behind it, or with a word of this value."""
        self.complain_at(self.place(key, value), message, advice, word or value or (key[-1] if key else ""))

    def complain_at(self, place: Place, message: str, advice: str, word: str) -> None:
        """The same at a place; ``word`` is underlined if it stands on the line from there on."""
        shown = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        at = shown.find(word, place.column - 1)
        column, width = (at + 1, len(word)) if word and at >= 0 else (place.column, 1)
        self.diagnostics.append(Diagnostic(self.path, place.line, column, message, advice, shown, width))

    def _no_toml(self, message: str) -> None:
        found = _TOML_PLACE.search(message)
        line, column = (int(found[1]), int(found[2])) if found else (len(self.lines) or 1, 1)
        message = message[: found.start()] if found else message
        shown = self.lines[line - 1] if line <= len(self.lines) else ""
        text = f"not TOML: {message[:1].lower()}{message[1:]}"
        self.diagnostics.append(Diagnostic(self.path, line, column, text, 'texts stand in quotes: key = "text"', shown))

    def _check_keys(self, table: Mapping[str, Any], known: Iterable[str], where: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self.complain((*where, key), f"unknown key {key}", near(key, known) or f"possible are {', '.join(known)}")

    def _typed(self, table: Mapping[str, Any], key: tuple[str, ...], kind: type[Any], wanted: str) -> Any:
        """A value of the right type, or None where the key is absent or wrong."""
        value = table.get(key[-1])
        if value is not None and type(value) is not kind:
            self.complain(key, f"{key[-1]} = {value!r}", f"expected {wanted}")
            return None
        return value

    # Keys -----------------------------------------------------------------------------------------------------------------------

    def _settings(self, policy: Policy, given: Mapping[str, Any]) -> None:
        default = self._typed(given, ("default",), str, "deny, reject or allow")
        if default is not None and default not in _DEFAULTS:
            self.complain(
                ("default",), f'default = "{default}"', near(default, _DEFAULTS) or f"one of: {', '.join(_DEFAULTS)}", value=default
            )
        policy.default = default or policy.default
        for name in ("stateful", "drop_invalid", "log_denied"):
            value = self._typed(given, (name.replace("_", "-"),), bool, "true or false")
            if value is not None:
                setattr(policy, name, value)

    def _addresses(self, table: Mapping[str, Any], key: tuple[str, ...], *, own: bool = False) -> Iterator[str]:
        wanted = "a list of addresses in quotes"
        for text in self._typed(table, key, list, wanted) or []:
            try:
                if text != "any" or own:
                    ip_interface(text) if own else ip_network(text, strict=False)
                yield text
            except ValueError:
                advice = "write for example 192.168.10.1/24" if own else 'write for example 192.168.10.0/24, 2001:db8::/32 or "any"'
                shown = text if isinstance(text, str) else ""
                self.complain(key, f"{text!r} is not an address" if own else f"{text!r} is not a network", advice, value=shown)

    def _zone(self, policy: Policy, name: str, table: object) -> None:
        key = ("zones", name)
        if not isinstance(table, dict):
            self.complain(key, f"zone {name} is no table", f"write [zones.{name}] with its keys below")
            return
        self._check_keys(table, _ZONE_KEYS, key)
        if name in (FIREWALL, ANY):
            what = "the firewall itself" if name == FIREWALL else "every zone"
            self.complain(key, f'"{name}" is {what} already', "use another name for the zone")
        if not _NAME.fullmatch(name) or name == "to":
            self.complain(key, f'"{name}" cannot name a zone', "use letters, digits, - and _")
        interface = self._typed(table, (*key, "interface"), str, 'a text, such as "eth1"') or name
        if DATATYPES["ifname"].parse(interface.removesuffix("*")) is None or not interface.removesuffix("*"):
            self.complain((*key, "interface"), f'"{interface}" cannot name an interface', "Linux takes 15 characters", value=interface)
        policy.zones[name] = PolicyZone(name, interface, tuple(self._addresses(table, (*key, "networks"))))

    def _service(self, policy: Policy, name: str, words: object) -> None:
        key = ("services", name)
        if not isinstance(words, str):
            self.complain(key, f"service {name} = {words!r}", 'expected a text, such as "tcp 8080, 8443"')
            return
        if not _NAME.fullmatch(name):
            self.complain(key, f'"{name}" cannot name a service', "begin with a letter; no blanks and no commas")
        try:
            policy.services[name] = parse_services(words, policy.services)
        except PolicyWordError as error:
            self.complain(key, error.message, error.advice, value=words, word=error.word)

    def _rules(self, policy: Policy, name: str, sentences: object) -> None:
        key = ("rules", name)
        sides = name.split(" to ")
        if len(sides) != 2:
            self.complain(key, f'"{name}" does not say from where to where', 'write for example: "lan to wan"')
            return
        sources, targets = (self._zones(policy, side, key) for side in sides)
        texts = [sentences] if isinstance(sentences, str) else sentences if isinstance(sentences, list) else []
        if not texts or not all(isinstance(text, str) for text in texts):
            self.complain(key, "what may pass is missing", 'write a text, such as "allow dns, http", or a list of such')
            return
        if sources and targets:
            policy.rules += [PolicyRule(sources, targets, text, self.place(key, text)) for text in texts]

    def _zones(self, policy: Policy, text: str, key: tuple[str, ...]) -> tuple[str, ...]:
        """The zones of one side; empty if one is wrong."""
        names = tuple(each.strip() for each in text.split(","))
        known = (*policy.zones, FIREWALL, ANY)
        wrong = [name for name in names if name not in known]
        for name in wrong:
            self.complain(key, f'no zone is called "{name}"', near(name, known) or f"zones are {', '.join(known)}", word=name)
        return () if wrong else names


def _find_places(lines: list[str], path: str) -> Iterator[tuple[tuple[str, ...], Place]]:
    """(key, where it stands) of every table and key that begins a line."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        if found := _LINE_TABLE.match(line):
            table = _key_of(f"[{found[1]}]")
            for depth in range(1, len(table) + 1):
                yield table[:depth], Place(path, number, found.start(1) + 1)
        elif found := _LINE_KEY.match(line):
            yield (*table, *_key_of(f"{found[1]} = 0")), Place(path, number, found.start(1) + 1)


def _key_of(text: str) -> tuple[str, ...]:
    """The parts of a key or of a table's name, as TOML reads them; empty when it is none."""
    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    parts = []
    while isinstance(value, dict) and value:
        (part,) = value
        parts.append(part)
        value = value[part]
    return tuple(parts)
