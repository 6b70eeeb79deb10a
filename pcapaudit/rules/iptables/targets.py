"""The targets of iptables: what their options are, and what they become in the model.

A target becomes what the rule does when it matches. Some need a second rule for when they do not (TPROXY drops what no socket takes):
then a second tuple follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.iptables.matches import Module
from pcapaudit.rules.iptables.names import REJECT_WITH
from pcapaudit.rules.iptables.stateful import Sets, set_keys
from pcapaudit.rules.iptables.values import number, one_of, parse_address, parse_mark, parse_ports
from pcapaudit.rules.iptables.words import Option
from pcapaudit.rules.model import (
    Assign,
    Key,
    Log,
    NamedObject,
    Nat,
    Notrack,
    Number,
    ObjectRef,
    Place,
    Queue,
    Reject,
    SetUpdate,
    Side,
    Statement,
    Synproxy,
    Tproxy,
    Verdict,
)
from pcapaudit.rules.nft.cursor import did_you_mean
from pcapaudit.rules.selectors import SELECTORS

__all__ = ["TARGETS", "TargetContext", "TargetKind", "build_target", "unknown_target"]

_ALL = 0xFFFFFFFF
_LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_LEVEL_NAMES = {"panic": "emerg", "error": "err", "warning": "warn"}
#: Transport protocol of the kernel's helpers, where it is not TCP.
_UDP_HELPERS = frozenset({"tftp", "sip", "RAS", "snmp", "netbios-ns", "amanda"})


@dataclass(slots=True)
class TargetContext:
    """What targets need beyond their options."""

    module: Module
    sets: Sets
    #: Objects that the table needs.
    objects: dict[tuple[str, str], NamedObject]
    #: Where the target stands.
    place: Place

    def get(self, name: str) -> Option | None:
        """An option, if it is there."""
        return self.module.get(name)


Outcome = list[tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class TargetKind:
    """What a target takes."""

    #: Option → number of values.
    options: Mapping[str, int]
    #: Makes the statements.
    build: Callable[[TargetContext], Outcome]


def build_target(name: str, context: TargetContext) -> Outcome:
    """The statements of a target that has an entry in TARGETS."""
    return TARGETS[name].build(context)


# Verdicts ----------------------------------------------------------------------------------------------------------------------------


def _verdict(kind: str) -> Callable[[TargetContext], Outcome]:
    return lambda _: [(Verdict(kind),)]


def _reject(context: TargetContext) -> Outcome:
    option = context.get("--reject-with")
    if option is None:
        return [(Reject("icmp", 3) if context.module.l3 == 4 else Reject("icmpv6", 4),)]
    one_of(option, option.value, tuple(REJECT_WITH))
    kind, code = REJECT_WITH[option.value]
    if option.value == "port-unreach" and context.module.l3 == 6:
        kind, code = "icmpv6", 4
    return [(Reject(kind, code),)]


def _queue(context: TargetContext) -> Outcome:
    option = context.get("--queue-num") or context.get("--queue-balance")
    flags = [flag for name, flag in (("--queue-bypass", "bypass"), ("--queue-cpu-fanout", "fanout")) if context.get(name)]
    return [(Queue(option.value.replace(":", "-") if option else "", tuple(flags), context.place),)]


def _tproxy(context: TargetContext) -> Outcome:
    port, address, mark = context.get("--on-port"), context.get("--on-ip"), context.get("--tproxy-mark")
    if port is None:
        raise context.module.options[0].problem("TPROXY needs --on-port") if context.module.options else ValueError
    family = "ip" if context.module.l3 == 4 else "ip6"
    target = _address(address, address.value, context.module.l3) if address else None
    marks = [_marked("meta mark", mark, mark.value)] if mark else []
    proxied = Tproxy(family, target, Number("inet_service", *parse_ports(port, port.value)[0]), context.place)
    # The kernel accepts what a socket takes, and drops what none does.
    return [(proxied, *marks, Verdict("accept")), (Verdict("drop"),)]


def _synproxy(context: TargetContext) -> Outcome:
    words = []
    for option in context.module.options:
        words.append(option.name.removeprefix("--"))
        words.extend(option.values)
    return [(Synproxy(" ".join(word for word in words if word != "ecn"), context.place),)]


# Log ---------------------------------------------------------------------------------------------------------------------------------


def _log(context: TargetContext) -> Outcome:
    words: list[tuple[str, str]] = []
    flags = {
        "--log-tcp-sequence": "tcp sequence",
        "--log-tcp-options": "tcp options",
        "--log-ip-options": "ip options",
        "--log-uid": "skuid",
    }
    for option in context.module.options:
        if option.name in ("--log-prefix", "--nflog-prefix"):
            words.append(("prefix", option.value.replace('"', "'")))
        elif option.name == "--log-level":
            words.append(("level", _level(option)))
        elif option.name == "--nflog-group":
            words.append(("group", str(number(option, option.value, 65535))))
        elif option.name == "--nflog-threshold":
            words.append(("queue-threshold", str(number(option, option.value, 65535))))
        elif option.name in ("--nflog-size", "--nflog-range"):
            words.append(("snaplen", str(number(option, option.value, _ALL))))
        elif option.name in flags:
            words.append(("flags", flags[option.name]))
    if "--nflog-group" not in [each.name for each in context.module.options] and context.module.name == "NFLOG":
        words.append(("group", "0"))
    return [(Log(tuple(words)),)]


def _level(option: Option) -> str:
    text = _LEVEL_NAMES.get(option.value.lower(), option.value.lower())
    return _LEVELS[number(option, text, 7)] if text.isdecimal() else one_of(option, text, _LEVELS)


# Marks -------------------------------------------------------------------------------------------------------------------------------


def _marked(selector: str, option: Option, text: str, *, ored: bool = True) -> Assign:
    """``VALUE[/MASK]``: the mask's bits are cleared, then the value is or-ed (``--set-mark``) or xor-ed (``--set-xmark``) in."""
    value, mask = parse_mark(option, text)
    target = SELECTORS[selector]
    cleared = (mask | value) if ored else mask
    if cleared == _ALL:
        return Assign(target, Number("mark", value, value), option.place)
    return Assign(target, Key(target, _ALL ^ cleared, value), option.place)


def _set_mark(context: TargetContext) -> Outcome:
    selector = "meta mark" if context.module.name == "MARK" else "ct mark"
    found: list[Statement] = []
    target = SELECTORS[selector]
    for option in context.module.options:
        if option.name in ("--set-mark", "--set-xmark"):
            found.append(_marked(selector, option, option.value, ored=option.name == "--set-mark"))
        elif option.name in ("--and-mark", "--or-mark", "--xor-mark"):
            value = number(option, option.value, _ALL)
            mask, xor = {"--and-mark": (value, 0), "--or-mark": (_ALL ^ value, value), "--xor-mark": (_ALL, value)}[option.name]
            found.append(Assign(target, Key(target, mask, xor), option.place))
        elif option.name in ("--save-mark", "--restore-mark"):
            found.append(_copied_mark(context, option))
    return [tuple(found)]


def _copied_mark(context: TargetContext, option: Option) -> Assign:
    """``--save-mark``: connection from packet; ``--restore-mark``: packet from connection."""
    masks: dict[str, int] = {}
    for name in ("--nfmask", "--ctmask", "--mask"):
        given = context.get(name)
        masks[name] = number(given, given.value, _ALL) if given else masks.get("--mask", _ALL)
    plain = context.get("--mask")
    nf, ct = (number(plain, plain.value, _ALL),) * 2 if plain else (masks["--nfmask"], masks["--ctmask"])
    source, target, kept, taken = ("meta mark", "ct mark", ct, nf) if option.name == "--save-mark" else ("ct mark", "meta mark", nf, ct)
    if kept != _ALL:
        raise option.problem(f"{option.name} with masks that leave bits of the old mark is not supported", "use the full mask, 0xffffffff")
    return Assign(SELECTORS[target], Key(SELECTORS[source], None if taken == _ALL else taken), option.place)


# NAT ---------------------------------------------------------------------------------------------------------------------------------


def _address(option: Option, text: str, l3: int) -> Number:
    first, dash, last = text.partition("-")
    low, _ = parse_address(option, first.strip("[]"), l3)
    high, _ = parse_address(option, last.strip("[]"), l3) if dash else (low, None)
    return Number("ipv4_addr" if l3 == 4 else "ipv6_addr", low, high)


def _port_range(option: Option, text: str) -> Number:
    return Number("inet_service", *parse_ports(option, text.partition("/")[0].replace("-", ":"))[0])


def _flags(context: TargetContext) -> tuple[str, ...]:
    names = {"--random": "random", "--random-fully": "fully-random", "--persistent": "persistent"}
    return tuple(names[each.name] for each in context.module.options if each.name in names)


def _nat(context: TargetContext) -> Outcome:
    kind = context.module.name.lower()
    option = context.get("--to-destination" if kind == "dnat" else "--to-source")
    if option is None:
        raise ValueError(f"{context.module.name} needs {'--to-destination' if kind == 'dnat' else '--to-source'}")
    l3 = context.module.l3
    text, port = option.value, ""
    if l3 == 4:
        text, _, port = text.partition(":")
    elif "]" in text:
        text, _, port = text.rpartition("]")
        port = port.lstrip(":")
    found = Nat(
        kind,
        "",
        _address(option, text, l3) if text else None,
        _port_range(option, port) if port else None,
        _flags(context),
        place=context.place,
    )
    return [(found,)]


def _simple_nat(context: TargetContext) -> Outcome:
    option = context.get("--to-ports")
    port = _port_range(option, option.value) if option else None
    return [(Nat(context.module.name.lower(), "", None, port, _flags(context), place=context.place),)]


def _netmap(context: TargetContext) -> Outcome:
    option = context.get("--to")
    if option is None:
        raise ValueError("NETMAP needs --to")
    address, mask = parse_address(option, option.value, context.module.l3)
    bits = 32 if context.module.l3 == 4 else 128
    hosts = 0 if mask is None else mask ^ ((1 << bits) - 1)
    kind = "snat" if context.module.chain in ("POSTROUTING", "INPUT") else "dnat"
    target = Number("ipv4_addr" if bits == 32 else "ipv6_addr", address, address | hosts)
    return [(Nat(kind, "ip" if bits == 32 else "ip6", target, None, (), of_prefix=True, place=context.place),)]


# Conntrack, packets, sets ------------------------------------------------------------------------------------------------------------


def _ct(context: TargetContext) -> Outcome:
    found: list[Statement] = []
    for option in context.module.options:
        if option.name == "--notrack":
            found.append(Notrack())
        elif option.name == "--helper":
            proto = "udp" if option.value in _UDP_HELPERS else "tcp"
            name = f"{option.value}-{proto}"
            lines = (f'type "{option.value}" protocol {proto};',)
            context.objects.setdefault(("ct helper", name), NamedObject("ct helper", name, None, lines, option.place))
            found.append(ObjectRef("ct helper", name, None, option.place, template=True))
        elif option.name in ("--zone", "--zone-orig", "--zone-reply"):
            zone = number(option, option.value, 65535)
            found.append(Assign(SELECTORS["ct zone"], Number("integer", zone, zone), option.place))
        elif option.name == "--ctevents":
            found.append(Side("ct event set", f"ct event set {option.value}", option.place))
        else:
            found.append(Side("ct timeout set", "", option.place))
    return [tuple(found)]


def _notrack(_: TargetContext) -> Outcome:
    return [(Notrack(),)]


def _tcpmss(context: TargetContext) -> Outcome:
    size = context.get("--set-mss")
    target = replace(SELECTORS["tcp window"], text="tcp option maxseg size", base="tcpopt", offset=0)
    value = Number("integer", *(number(size, size.value, 65535),) * 2) if size else Key(SELECTORS["rt mtu"])
    return [(Assign(target, value, context.place),)]


def _field(context: TargetContext) -> Outcome:
    """DSCP, TOS, TTL and HL: the field is overwritten."""
    option = context.module.options[0]
    family = "ip" if context.module.l3 == 4 else "ip6"
    if option.name in ("--set-dscp", "--set-dscp-class"):
        value = DATATYPES["dscp"].parse(option.value.lower())
        if value is None:
            raise option.problem(f'"{option.value}" is no DSCP class')
        return [(Assign(SELECTORS[f"{family} dscp"], Number("dscp", value, value), option.place),)]
    if option.name in ("--ttl-set", "--hl-set"):
        value = number(option, option.value, 255)
        selector = SELECTORS["ip ttl" if family == "ip" else "ip6 hoplimit"]
        return [(Assign(selector, Number("integer", value, value), option.place),)]
    raise option.problem(f"{context.module.name} {option.name} is not supported", "remove the rule")


def _set(context: TargetContext) -> Outcome:
    found: list[Statement] = []
    timeout = context.get("--timeout")
    lifetime = number(timeout, timeout.value, 1 << 32) * 10**9 if timeout else None
    for option in context.module.options:
        if option.name in ("--add-set", "--del-set"):
            known = context.sets.find(option)
            op = "delete" if option.name == "--del-set" else "update" if context.get("--exist") else "add"
            found.append(SetUpdate(op, known.name, set_keys(option, known, context.module), lifetime, (), None, option.place))
        elif option.name == "--map-set":
            raise option.problem("--map-set is not supported", "remove the rule")
    return [tuple(found)]


def _side(kind: str, text: str = "") -> Callable[[TargetContext], Outcome]:
    """A target that changes nothing of what is computed."""
    return lambda context: [(Side(kind, text, context.place),)]


_MARKS = dict.fromkeys(("--set-mark", "--set-xmark", "--and-mark", "--or-mark", "--xor-mark", "--nfmask", "--ctmask", "--mask"), 1)
_NAT_FLAGS = dict.fromkeys(("--random", "--random-fully", "--persistent"), 0)

TARGETS: dict[str, TargetKind] = {
    "ACCEPT": TargetKind({}, _verdict("accept")),
    "DROP": TargetKind({}, _verdict("drop")),
    "RETURN": TargetKind({}, _verdict("return")),
    "CONTINUE": TargetKind({}, _verdict("continue")),
    "REJECT": TargetKind({"--reject-with": 1}, _reject),
    "QUEUE": TargetKind({}, _queue),
    "NFQUEUE": TargetKind({"--queue-num": 1, "--queue-balance": 1, "--queue-bypass": 0, "--queue-cpu-fanout": 0}, _queue),
    "LOG": TargetKind(
        {
            "--log-prefix": 1,
            "--log-level": 1,
            **dict.fromkeys(("--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid", "--log-macdecode"), 0),
        },
        _log,
    ),
    "NFLOG": TargetKind(dict.fromkeys(("--nflog-group", "--nflog-prefix", "--nflog-size", "--nflog-range", "--nflog-threshold"), 1), _log),
    "ULOG": TargetKind(dict.fromkeys(("--ulog-nlgroup", "--ulog-prefix", "--ulog-cprange", "--ulog-qthreshold"), 1), lambda _: [(Log(),)]),
    "MARK": TargetKind(_MARKS, _set_mark),
    "CONNMARK": TargetKind({**_MARKS, "--save-mark": 0, "--restore-mark": 0}, _set_mark),
    "DNAT": TargetKind({"--to-destination": 1, **_NAT_FLAGS}, _nat),
    "SNAT": TargetKind({"--to-source": 1, **_NAT_FLAGS}, _nat),
    "MASQUERADE": TargetKind({"--to-ports": 1, **_NAT_FLAGS}, _simple_nat),
    "REDIRECT": TargetKind({"--to-ports": 1, **_NAT_FLAGS}, _simple_nat),
    "NETMAP": TargetKind({"--to": 1}, _netmap),
    "TPROXY": TargetKind({"--on-port": 1, "--on-ip": 1, "--tproxy-mark": 1}, _tproxy),
    "SYNPROXY": TargetKind({"--mss": 1, "--wscale": 1, "--timestamp": 0, "--sack-perm": 0, "--ecn": 0}, _synproxy),
    "CT": TargetKind(
        {
            **dict.fromkeys(("--helper", "--zone", "--zone-orig", "--zone-reply", "--ctevents", "--expevents", "--timeout"), 1),
            "--notrack": 0,
        },
        _ct,
    ),
    "NOTRACK": TargetKind({}, _notrack),
    "TCPMSS": TargetKind({"--set-mss": 1, "--clamp-mss-to-pmtu": 0}, _tcpmss),
    "DSCP": TargetKind({"--set-dscp": 1, "--set-dscp-class": 1}, _field),
    "TTL": TargetKind({"--ttl-set": 1, "--ttl-inc": 1, "--ttl-dec": 1}, _field),
    "HL": TargetKind({"--hl-set": 1, "--hl-inc": 1, "--hl-dec": 1}, _field),
    "SET": TargetKind({"--add-set": 2, "--del-set": 2, "--map-set": 2, "--timeout": 1, "--exist": 0}, _set),
    "CHECKSUM": TargetKind({"--checksum-fill": 0}, _side("CHECKSUM")),
    "CLASSIFY": TargetKind({"--set-class": 1}, _side("CLASSIFY")),
    "TRACE": TargetKind({}, _side("TRACE", "meta nftrace set 1")),
    "AUDIT": TargetKind({"--type": 1}, _side("AUDIT")),
    "TEE": TargetKind({"--gateway": 1, "--oif": 1}, _side("TEE")),
    "SECMARK": TargetKind({"--selctx": 1}, _side("SECMARK")),
    "CONNSECMARK": TargetKind({"--save": 0, "--restore": 0}, _side("CONNSECMARK")),
    "IDLETIMER": TargetKind({"--timeout": 1, "--label": 1}, _side("IDLETIMER")),
    "RATEEST": TargetKind({"--rateest-name": 1, "--rateest-interval": 1, "--rateest-ewmalog": 1}, _side("RATEEST")),
    "LED": TargetKind({"--led-trigger-id": 1, "--led-delay": 1, "--led-always-blink": 0}, _side("LED")),
}


def unknown_target(option: Option, chains: list[str]) -> str:
    """Advice for a target that is neither here nor a chain."""
    return did_you_mean(option.value, [*TARGETS, *chains]) or "declare the chain with a line :NAME - [0:0]"
