"""Statements of the JSON schema as nftables text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pcapaudit.rules.nftjson.expressions import JsonProblem, element, elements, expression, only, quoted, value, verdict

__all__ = ["limit", "quota", "statement"]

_VERDICTS = ("accept", "drop", "continue", "return", "jump", "goto")


def statement(thing: object) -> str:
    """One statement of a rule."""
    name, inner = only(thing, "a statement")
    if name in _VERDICTS:
        return verdict(thing)
    writer = _WRITERS.get(name)
    if writer is None:
        raise JsonProblem(f'no statement is called "{name}"')
    return writer(inner)


def _fields(inner: object, what: str) -> Mapping[str, Any]:
    if not isinstance(inner, dict):
        raise JsonProblem(f"{what} has no properties")
    return inner


def _match(inner: object) -> str:
    fields = _fields(inner, "match")
    operator, left, right = fields.get("op", "=="), fields.get("left"), fields.get("right")
    if operator not in ("==", "!=", "<", ">", "<=", ">=", "in", "!"):
        raise JsonProblem(f'match knows no operator "{operator}"')
    if isinstance(right, str) and right.startswith("@"):
        shown = right
    elif operator in ("==", "!=") and isinstance(right, list):
        shown = " | ".join(value(each) for each in right)
    else:
        shown = expression(right)
    # "in" is the comparison that the text leaves out: at least one of these bits.
    return f"{expression(left)} {'' if operator == 'in' or _plain_equal(operator, right) else operator + ' '}{shown}"


def _plain_equal(operator: str, right: object) -> bool:
    """Equality with a set or a Boolean stands without an operator."""
    return operator == "==" and (isinstance(right, bool) or (isinstance(right, dict) and "set" in right))


def _names(inner: object, kind: str) -> str | None:
    """A reference to a named object, by name or by a map."""
    if isinstance(inner, str):
        return f"{kind} name {quoted(inner)}"
    return f"{kind} name {expression(inner)}" if isinstance(inner, dict) and "map" in inner else None


def _counter(inner: object) -> str:
    named = _names(inner, "counter")
    if named is not None or inner is None:
        return named or "counter"
    fields = _fields(inner, "counter")
    return f"counter packets {value(fields.get('packets', 0))} bytes {value(fields.get('bytes', 0))}"


def limit(inner: Mapping[str, Any]) -> str:
    """``rate over 10 mbytes/second burst 5 kbytes``."""
    unit = inner.get("rate_unit", "packets")
    amount = f"{value(inner.get('rate'))}" + (f" {value(unit)}" if unit != "packets" else "")
    burst_unit = inner.get("burst_unit", "packets" if unit == "packets" else "bytes")
    burst = f" burst {value(inner['burst'])} {value(burst_unit)}" if inner.get("burst") else ""
    return f"rate {'over ' if inner.get('inv') else ''}{amount}/{value(inner.get('per', 'second'))}{burst}"


def quota(inner: Mapping[str, Any]) -> str:
    """``over 10 mbytes used 5 bytes``. Named objects say ``bytes`` where statements say ``val``."""
    size = inner.get("val", inner.get("bytes"))
    used = f" used {value(inner['used'])} {value(inner.get('used_unit', 'bytes'))}" if inner.get("used") else ""
    return f"{'over ' if inner.get('inv') else ''}{value(size)} {value(inner.get('val_unit', 'bytes'))}{used}"


def _log(inner: object) -> str:
    words = ["log"]
    fields = _fields(inner or {}, "log")
    if "prefix" in fields:
        words.append(f"prefix {quoted(fields['prefix'])}")
    words += [f"{name} {value(fields[name])}" for name in ("level", "group", "snaplen", "queue-threshold") if name in fields]
    given = fields.get("flags", [])
    flags = [value(each).strip('"') for each in (given if isinstance(given, list) else [given])]
    for base in ("tcp", "ip"):
        some = [each.split(" ", 1)[1] for each in flags if each.startswith(base + " ")]
        words += [f"flags {base} {','.join(some)}"] if some else []
    return " ".join([*words, *(f"flags {each}" for each in flags if " " not in each)])


def _reject(inner: object) -> str:
    fields = _fields(inner or {}, "reject")
    if "type" not in fields:
        return "reject"
    if fields["type"] == "tcp reset":
        return "reject with tcp reset"
    return f"reject with {value(fields['type'])}" + (f" {expression(fields['expr'])}" if "expr" in fields else "")


def _translation(kind: str) -> Callable[[object], str]:
    def write(inner: object) -> str:
        fields = _fields(inner or {}, kind)
        words = [kind]
        address, port = fields.get("addr"), fields.get("port")
        if "family" in fields and address is not None:
            words.append(value(fields["family"]))
        types = _listed(fields.get("type_flags"))
        if "prefix" in types:
            words.append("prefix")
        elif "interval" in types:
            words.append("interval")
        elif "concat" in types:
            words.append("addr . port")
        if address is not None or port is not None:
            words += ["to", _target(address, port)]
        flags = _listed(fields.get("flags"))
        return " ".join([*words, ",".join(flags)]) if flags else " ".join(words)

    return write


def _target(address: object, port: object) -> str:
    text = "" if address is None else expression(address)
    if port is None:
        return text
    if isinstance(address, str) and ":" in address:
        text = f"[{text}]"
    elif isinstance(address, dict) and "range" in address and ":" in text:
        text = "-".join(f"[{each}]" for each in text.split("-"))
    return f"{text}:{expression(port)}"


def _listed(thing: object) -> list[str]:
    return [] if thing is None else [value(each) for each in (thing if isinstance(thing, list) else [thing])]


def _mangle(inner: object) -> str:
    fields = _fields(inner, "mangle")
    return f"{expression(fields.get('key'))} set {expression(fields.get('value'))}"


def _queue(inner: object) -> str:
    fields = _fields(inner or {}, "queue")
    flags = _listed(fields.get("flags"))
    return "queue" + (f" flags {','.join(flags)}" if flags else "") + (f" to {expression(fields['num'])}" if "num" in fields else "")


def _update(where: str) -> Callable[[object], str]:
    def write(inner: object) -> str:
        fields = _fields(inner, where)
        words = [element(fields.get("elem")), *(statement(each) for each in fields.get("stmt") or ())]
        data = f" : {expression(fields['data'])}" if "data" in fields else ""
        return f"{value(fields.get('op'))} {value(fields.get(where))} {{ {' '.join(words)}{data} }}"

    return write


def _meter(inner: object) -> str:
    fields = _fields(inner, "meter")
    size = f" size {value(fields['size'])}" if "size" in fields else ""
    stmt = fields.get("stmt")
    inside = " ".join(statement(each) for each in (stmt if isinstance(stmt, list) else [stmt]))
    return f"meter {value(fields.get('name'))}{size} {{ {element(fields.get('key'))} {inside} }}"


def _vmap(inner: object) -> str:
    fields = _fields(inner, "vmap")
    data = fields.get("data")
    right = data if isinstance(data, str) else elements(only(data, "a set")[1])
    return f"{expression(fields.get('key'))} vmap {right}"


def _count(inner: object) -> str:
    fields = _fields(inner, "ct count")
    return f"ct count {'over ' if fields.get('inv') else ''}{value(fields.get('val'))}"


def _forward(inner: object) -> str:
    fields = _fields(inner, "fwd")
    family = f"{value(fields['family'])} " if "family" in fields else ""
    if "addr" in fields:
        return f"fwd {family}to {expression(fields['addr'])} device {expression(fields.get('dev'))}"
    return f"fwd to {expression(fields.get('dev'))}"


def _duplicate(inner: object) -> str:
    fields = _fields(inner, "dup")
    return f"dup to {expression(fields.get('addr'))}" + (f" device {expression(fields['dev'])}" if "dev" in fields else "")


def _synproxy(inner: object) -> str:
    if isinstance(inner, str):
        return f"synproxy name {quoted(inner)}"
    fields = _fields(inner or {}, "synproxy")
    numbers = [f"{name} {value(fields[name])}" for name in ("mss", "wscale") if name in fields]
    return " ".join(["synproxy", *numbers, *_listed(fields.get("flags"))])


def _tproxy(inner: object) -> str:
    fields = _fields(inner, "tproxy")
    family = f"{value(fields['family'])} " if "family" in fields else ""
    return f"tproxy {family}to {_target(fields.get('addr'), fields.get('port'))}"


def _conntrack(kind: str) -> Callable[[object], str]:
    return lambda inner: f"ct {kind} set {quoted(inner) if isinstance(inner, str) else expression(inner)}"


def _extension(inner: object) -> str:
    fields = _fields(inner or {}, "xt")
    return f"xt {value(fields.get('type'))} {quoted(fields.get('name'))}"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "match": _match,
    "vmap": _vmap,
    "counter": _counter,
    "limit": lambda inner: _names(inner, "limit") or f"limit {limit(_fields(inner, 'limit'))}",
    "quota": lambda inner: _names(inner, "quota") or f"quota {quota(_fields(inner, 'quota'))}",
    "log": _log,
    "reject": _reject,
    **{kind: _translation(kind) for kind in ("snat", "dnat", "masquerade", "redirect")},
    "mangle": _mangle,
    "queue": _queue,
    "set": _update("set"),
    "map": _update("map"),
    "meter": _meter,
    "ct count": _count,
    **{f"ct {kind}": _conntrack(kind) for kind in ("helper", "timeout", "expectation")},
    "notrack": lambda _: "notrack",
    "flow": lambda inner: f"flow add {value(_fields(inner, 'flow').get('flowtable'))}",
    "fwd": _forward,
    "dup": _duplicate,
    "synproxy": _synproxy,
    "tproxy": _tproxy,
    "last": lambda _: "last",
    "xt": _extension,
}
