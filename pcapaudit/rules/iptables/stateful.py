"""The matches of iptables that remember: limit, quota, hashlimit, recent, and sets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pcapaudit.rules.iptables.matches import Module
from pcapaudit.rules.iptables.values import number, one_of, parse_address
from pcapaudit.rules.iptables.words import Option
from pcapaudit.rules.model import Key, Limit, Match, NamedSet, Place, Quota, Recent, SetRef, SetUpdate, Statement
from pcapaudit.rules.nft.cursor import did_you_mean
from pcapaudit.rules.selectors import SELECTORS, Selector

__all__ = ["STATEFUL", "Sets", "build_stateful", "set_keys"]

_PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTE_UNITS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}
#: Entries of a hashlimit table and how long an idle one stays for rates that count bytes, as the kernel has them.
_HASHLIMIT_SIZE = 0xFFFF
_BYTE_EXPIRE_S = 15


@dataclass(slots=True)
class Sets:
    """Sets that came with ipset-save files, and those that a table's rules need."""

    #: Every known ipset by name.
    known: dict[str, NamedSet] = field(default_factory=dict)
    #: Sets of the table that is being read.
    used: dict[str, NamedSet] = field(default_factory=dict)

    def find(self, option: Option) -> NamedSet:
        """An ipset by the name that an option gives; the table needs it from now on."""
        found = self.known.get(option.value)
        if found is None:
            raise option.problem(
                f"there is no set {option.value}",
                did_you_mean(option.value, self.known) or "give the file that ipset save wrote in front of this one",
            )
        self.used[found.name] = found
        return found


def build_stateful(module: Module, sets: Sets) -> list[tuple[Statement, ...]]:
    """The statements of one of these matches."""
    if module.name == "limit":
        return [(_limit(module),)]
    if module.name == "quota":
        option = module.options[0]
        return [(Quota(number(option, option.value, (1 << 64) - 1), option.negated, 0, option.place),)]
    if module.name == "hashlimit":
        return [(_hashlimit(module, sets),)]
    if module.name == "recent":
        return [(_recent(module),)]
    named = module.get("--match-set")
    if named is None:
        raise module.options[0].problem("-m set needs --match-set NAME src|dst")
    keys = set_keys(named, sets.find(named), module)
    return [(Match(keys, "!=" if named.negated else "==", SetRef(named.value), named.place),)]


def _rate(option: Option) -> tuple[int, int]:
    """``N[/second|/minute|…]``: packets, seconds."""
    amount, slash, unit = option.value.partition("/")
    if not amount.isdecimal() or not int(amount) or (slash and unit[:1].lower() not in _PERIODS):
        raise option.problem(f'"{option.value}" is no rate', "write for example 10/minute")
    return int(amount), _PERIODS[unit[:1].lower()] if slash else 1


def _limit(module: Module) -> Limit:
    rate, burst = module.get("--limit"), module.get("--limit-burst")
    if rate is None:
        # iptables has a default of three an hour.
        place = burst.place if burst else Place()
        return Limit(3, 3600, burst=number(burst, burst.value, 10000) if burst else 5, place=place)
    amount, per_s = _rate(rate)
    return Limit(amount, per_s, rate.negated, burst=number(burst, burst.value, 10000) if burst else 5, place=rate.place)


def _hashlimit(module: Module, sets: Sets) -> SetUpdate:
    rate = module.get("--hashlimit-upto") or module.get("--hashlimit-above") or module.get("--hashlimit")
    name = module.get("--hashlimit-name")
    if rate is None or name is None:
        raise module.options[0].problem("hashlimit needs a name and --hashlimit-upto or --hashlimit-above")
    over = (rate.name == "--hashlimit-above") != rate.negated
    burst = module.get("--hashlimit-burst")
    bytes_rate = re.fullmatch(r"(\d+)(b|kb|mb|gb)(?:/s(?:ec(?:ond)?)?)?", rate.value.lower())
    if bytes_rate:
        amount, per_s, of_bytes = int(bytes_rate[1]) * _BYTE_UNITS[bytes_rate[2]], 1, True
    else:
        (amount, per_s), of_bytes = _rate(rate), False
    limit = Limit(
        amount, per_s, over, of_bytes, number(burst, burst.value, 1 << 32) if burst and not of_bytes else 0 if of_bytes else 5, rate.place
    )
    expire = module.get("--hashlimit-htable-expire")
    lifetime_ms = number(expire, expire.value, 1 << 32) if expire else 1000 * (_BYTE_EXPIRE_S if of_bytes else per_s)
    keys = _hashlimit_keys(module)
    known = "hashlimit_" + re.sub(r"[^A-Za-z0-9_.-]", "_", name.value)
    size = module.get("--hashlimit-htable-max")
    sets.used.setdefault(
        known,
        NamedSet(
            known,
            tuple(key.selector.type_name for key in keys),
            flags=("dynamic", "timeout"),
            size=number(size, size.value, 1 << 32) if size else _HASHLIMIT_SIZE,
            place=name.place,
        ),
    )
    return SetUpdate("update", known, keys, lifetime_ms * 1_000_000, (limit,), None, rate.place)


def _hashlimit_keys(module: Module) -> tuple[Key, ...]:
    family, bits = ("ip", 32) if module.l3 == 4 else ("ip6", 128)
    mode = module.get("--hashlimit-mode")
    keys: list[Key] = []
    header = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}.get(module.proto or 0, "th")
    for word in mode.value.split(",") if mode else ():
        assert mode is not None  # noqa: S101 (there are words)
        one_of(mode, word, ("srcip", "dstip", "srcport", "dstport"))
        side = "s" if word.startswith("src") else "d"
        if word.endswith("port"):
            keys.append(Key(SELECTORS[f"{header} {side}port"]))
            continue
        length = module.get("--hashlimit-srcmask" if side == "s" else "--hashlimit-dstmask")
        prefix = number(length, length.value, bits) if length else bits
        full = (1 << bits) - 1
        keys.append(Key(SELECTORS[f"{family} {side}addr"], None if prefix == bits else full ^ ((1 << (bits - prefix)) - 1)))
    # Without a mode there is one bucket for all.
    return tuple(keys) or (Key(SELECTORS["meta nfproto"]),)


def _recent(module: Module) -> Recent:
    actions = [each for each in module.options if each.name in ("--set", "--rcheck", "--update", "--remove")]
    if len(actions) != 1:
        raise module.options[0].problem("recent needs one of --set, --rcheck, --update and --remove")
    name, mask = module.get("--name"), module.get("--mask")
    seconds, hitcount = module.get("--seconds"), module.get("--hitcount")
    bits = 32 if module.l3 == 4 else 128
    return Recent(
        name=name.value if name else "DEFAULT",
        action=actions[0].name.removeprefix("--"),
        l3=module.l3,
        by_source=module.get("--rdest") is None,
        mask=parse_address(mask, mask.value, module.l3)[0] if mask else (1 << bits) - 1,
        seconds=number(seconds, seconds.value, 0xFFFFFFFF) if seconds else 0,
        hitcount=number(hitcount, hitcount.value, 0xFFFF) if hitcount else 0,
        with_ttl=module.get("--rttl") is not None,
        inverted=actions[0].negated,
        place=actions[0].place,
    )


def set_keys(option: Option, known: NamedSet, module: Module) -> tuple[Key, ...]:
    """What the parts of a set are compared with, by the directions ``src,dst,…``."""
    directions = option.values[1].split(",")
    keys: list[Key] = []
    for word in directions:
        one_of(option, word, ("src", "dst"))
    index = 0
    for type_name in known.types:
        if type_name == "inet_proto":
            keys.append(Key(SELECTORS["meta l4proto"]))
            continue
        side = directions[min(index, len(directions) - 1)]
        keys.append(Key(_part(type_name, side, module, option)))
        index += 1
    return tuple(keys)


def _part(type_name: str, side: str, module: Module, option: Option) -> Selector:
    letter = side[0]
    if type_name in ("ipv4_addr", "ipv6_addr"):
        family = "ip" if type_name == "ipv4_addr" else "ip6"
        if (family == "ip") != (module.l3 == 4):
            raise option.problem(f"set {option.value} holds addresses of the other IP version")
        return SELECTORS[f"{family} {letter}addr"]
    if type_name == "inet_service":
        return SELECTORS[f"th {letter}port"]
    if type_name == "ether_addr":
        return SELECTORS[f"ether {letter}addr"]
    if type_name == "ifname":
        return SELECTORS["meta iifname" if side == "src" else "meta oifname"]
    return SELECTORS["meta mark"]


STATEFUL: dict[str, dict[str, int]] = {
    "limit": {"--limit": 1, "--limit-burst": 1},
    "quota": {"--quota": 1},
    "hashlimit": {
        **dict.fromkeys(
            (
                *("--hashlimit", "--hashlimit-upto", "--hashlimit-above", "--hashlimit-burst", "--hashlimit-mode", "--hashlimit-name"),
                *("--hashlimit-srcmask", "--hashlimit-dstmask", "--hashlimit-htable-size", "--hashlimit-htable-max"),
                *("--hashlimit-htable-expire", "--hashlimit-htable-gcinterval", "--hashlimit-rate-interval"),
            ),
            1,
        ),
        "--hashlimit-rate-match": 0,
    },
    "recent": {
        **dict.fromkeys(("--name", "--seconds", "--hitcount", "--mask"), 1),
        **dict.fromkeys(("--set", "--rcheck", "--update", "--remove", "--rttl", "--rsource", "--rdest", "--reap"), 0),
    },
    "set": {
        "--match-set": 2,
        **dict.fromkeys(("--return-nomatch", "--update-counters", "--update-subcounters"), 0),
        **dict.fromkeys(("--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt"), 1),
    },
}
