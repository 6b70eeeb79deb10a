"""Reads a topology file: where the firewall stands, for those whose networks do not fit into options. An example with every key::

    own = ["192.168.0.1/24", "203.0.113.7"]   # as `ip address` prints them; a whole block of addresses: "203.0.113.8/29"
    captured = "lan"                          # zone on whose link the capture was made; it matters behind NAT only
    path = "auto"                             # or forward, input, output: the way of every packet
    routes = ["default via 203.0.113.1 dev ppp0", "blackhole 10.0.0.0/8"]  # lines of `ip route`, for fib; default: the prefixes
    # bridge = "br0"                          # in place of own and path: the interfaces are ports of this bridge
    ct-zone = "vlan"                          # or outer-vlan, interface; default none: what keeps connections apart, as --ct-zone

    [zones.lan]
    interface = "eth1"                        # what iifname and oifname match; default: the zone's name
    prefixes = ["192.168.0.0/16", "fd00::/8"] # what is routed there, the longest prefix wins; "any" for the rest
    inside = true                             # default: whether its name or its interface is inside or lan
    index = 3                                 # number of the interface, for rules that say iif 3
    type = "ether"                            # its type, for iiftype
    group = 1                                 # its group, for iifgroup; where some zone says one, the others are in group 0

    [zones.guests]
    interface = "eth1.30"
    vlans = [30]                              # frames with this tag are on its link
    capture-interfaces = ["eth1.30"]          # so are frames that a pcapng file calls so
    macs = ["02:00:00:00:30:01"]              # frames with these Ethernet addresses come from it, or go to it

    [zones.wan]
    interface = "ppp0"
    prefixes = ["any"]

Everything is optional; an unknown key is an error. What a frame shows of its link wins over what its addresses say, see ``vantage``.
A bridge passes frames on: tables of the family bridge see them, those of IP do not.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.routing import parse_routes
from pcapaudit.replay.topology import (
    INSIDE_NAMES,
    MAX_ZONES,
    Topology,
    Zone,
    check_ct_zone,
    check_interface,
    check_overlaps,
    check_path,
    parse_connected,
    parse_own,
    parse_prefixes,
)
from pcapaudit.rules.tables import IFACE_TYPES

__all__ = ["read_topology"]

_KEYS = ("own", "path", "ct-zone", "captured", "routes", "bridge", "zones")
_ZONE_KEYS = ("interface", "prefixes", "inside", "vlans", "capture-interfaces", "macs", "index", "group", "type")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")
_MAX_VLAN = 4094


def read_topology(text: str, path: str) -> Topology:
    """The topology that a file describes; ``path`` is what errors call it. Raises ConfigError, which names the key."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    _check_keys(given, _KEYS, path)
    way = _typed(given, "path", str, "a text", path) or "auto"
    check_path(way, f"{path}: path: {way}")
    ct_zone = _typed(given, "ct-zone", str, "a text", path) or "none"
    check_ct_zone(ct_zone, f"{path}: ct-zone: {ct_zone}")
    own = _texts(given, "own", path)
    owned, broadcasts = parse_own(own, f"{path}: own:")
    tables = _typed(given, "zones", dict, "a table: [zones.lan]", path) or {}
    if not tables:
        raise ConfigError(f"{path}: no zone; a topology needs one at least, for example [zones.lan] with prefixes = ['192.168.0.0/16']")
    if len(tables) > MAX_ZONES:
        raise ConfigError(f"{path}: zones: {len(tables)} zones; at most {MAX_ZONES} are possible")
    zones = tuple(_zone(name, table, f"{path}: zones.{name}") for name, table in tables.items())
    try:
        check_overlaps(zones)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if any(zone.group is not None for zone in zones):
        zones = tuple(replace(zone, group=zone.group or 0) for zone in zones)
    for key, values in (("vlans", "vlans"), ("capture-interfaces", "recorded_as"), ("macs", "macs")):
        _check_shared(zones, values, f"{path}: {key}")
    captured = _typed(given, "captured", str, "the name of a zone", path) or ""
    if captured and captured not in tables:
        raise ConfigError(f"{path}: captured: no zone is called {captured}; expected one of {', '.join(tables)}")
    bridge = _typed(given, "bridge", str, "the name of a bridge", path) or ""
    if bridge:
        check_interface(bridge, f"{path}: bridge")
        if own or "path" in given:
            raise ConfigError(f"{path}: bridge: packets that a bridge passes on are for nobody of its own: leave own and path away")
    routes = given.get("routes", "")
    text = routes if isinstance(routes, str) else "\n".join(_texts(given, "routes", path))
    return Topology(
        zones=zones,
        own=owned,
        broadcasts=broadcasts,
        connected=parse_connected(own),
        bridge=bridge,
        routes=tuple(parse_routes(text, [zone.iface for zone in zones], f"{path}: routes")),
        path=way,
        ct_zone=ct_zone,
        captured=captured,
    )


def _zone(name: str, table: Any, where: str) -> Zone:
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: {table!r} is not a table; write [zones.{name}] with its keys below")
    _check_keys(table, _ZONE_KEYS, where)
    iface = _typed(table, "interface", str, "a text", where)
    iface = name if iface is None else iface
    check_interface(iface, f"{where}.interface")
    inside = _typed(table, "inside", bool, "true or false", where)
    vlans = _typed(table, "vlans", list, "a list of VLAN ids", where) or []
    for vlan in vlans:
        if type(vlan) is not int or not 0 <= vlan <= _MAX_VLAN:
            raise ConfigError(f"{where}.vlans: {vlan!r} is not a VLAN id; expected numbers from 0 to {_MAX_VLAN}")
    return Zone(
        name=name,
        iface=iface,
        prefixes=tuple(dict.fromkeys(parse_prefixes(_texts(table, "prefixes", where), f"{where}.prefixes"))),
        inside=not INSIDE_NAMES.isdisjoint((name, iface)) if inside is None else inside,
        vlans=tuple(vlans),
        recorded_as=tuple(_texts(table, "capture-interfaces", where)),
        macs=tuple(_mac(text, f"{where}.macs") for text in _texts(table, "macs", where)),
        index=_number(table, "index", where),
        group=_number(table, "group", where),
        type=_interface_type(table, where),
    )


def _interface_type(table: Mapping[str, Any], where: str) -> int | None:
    name = _typed(table, "type", str, 'a text, such as "ether"', where)
    if name is not None and name not in IFACE_TYPES:
        raise ConfigError(f"{where}.type: {name} is no type of interfaces; possible are {', '.join(IFACE_TYPES)}")
    return None if name is None else IFACE_TYPES[name]


def _number(table: Mapping[str, Any], key: str, where: str) -> int | None:
    value = _typed(table, key, int, "a number", where)
    if value is not None and not 0 <= value <= 0xFFFFFFFF:
        raise ConfigError(f"{where}.{key}: {value} is no such number; expected 0 to 4294967295")
    return None if value is None else int(value)


def _mac(text: str, where: str) -> int:
    if not _MAC.fullmatch(text):
        raise ConfigError(f"{where}: {text} is not an Ethernet address; write it as 02:00:00:00:00:01")
    return int(re.sub("[:-]", "", text), 16)


def _check_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, list(known), n=1)
            advice = f"did you mean {close[0]}?" if close else f"possible are {', '.join(known)}"
            raise ConfigError(f"{where}: unknown key {key}; {advice}")


def _check_shared(zones: Iterable[Zone], attribute: str, where: str) -> None:
    """What tells two zones apart belongs to one of them."""
    owner: dict[Any, str] = {}
    for zone in zones:
        for value in getattr(zone, attribute):
            other = owner.setdefault(value, zone.name)
            if other != zone.name:
                shown = value.to_bytes(6, "big").hex(":") if attribute == "macs" else value
                raise ConfigError(f"{where}: {shown} is in zones {other} and {zone.name}; give it to one of them")


def _typed(table: Mapping[str, Any], key: str, kind: type[Any], wanted: str, where: str) -> Any:
    """A value of the right type, or None where the key is absent."""
    value = table.get(key)
    if value is not None and type(value) is not kind:
        raise ConfigError(f"{where}: {key} = {value!r}; expected {wanted}")
    return value


def _texts(table: Mapping[str, Any], key: str, where: str) -> list[str]:
    """A list of texts, empty where the key is absent."""
    values = _typed(table, key, list, "a list of texts in quotes", where) or []
    for value in values:
        if not isinstance(value, str):
            raise ConfigError(f"{where}: {key}: {value!r} is not a text; put it into quotes")
    return list(values)
