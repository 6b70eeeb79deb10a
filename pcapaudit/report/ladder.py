"""A flow's story as a ladder: two endpoints, time running down, an arrow a packet, and beside it what the firewall made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from pcapaudit.core import consts, vocab
from pcapaudit.core.addresses import address_text, endpoint_text
from pcapaudit.report.summary import iso_time, protocol_name
from pcapaudit.report.terminal import count, duration

if TYPE_CHECKING:
    from pcapaudit.replay.consumer import Context
    from pcapaudit.replay.story import Story, StoryPacket

__all__ = ["LADDER_VERSION", "Rung", "ladder_record", "render_ladder"]

#: Raised when a key changes its meaning or goes away; not when one is added.
LADDER_VERSION = 1
#: A pause of this length (ns) is marked.
GAP_NS = 5_000_000_000
_OFFSET = 0x1FFF
_FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")
_PORTS = frozenset({consts.PROTO_TCP, consts.PROTO_UDP, consts.PROTO_UDPLITE, consts.PROTO_SCTP, consts.PROTO_DCCP})
_ICMP = (consts.PROTO_ICMP, consts.PROTO_ICMPV6)
_STATES = {consts.PROTO_TCP: vocab.TCP_STATES, consts.PROTO_SCTP: vocab.SCTP_STATES, consts.PROTO_DCCP: vocab.DCCP_STATES}
_VERDICT_STYLES = {"accept": "green", "drop": "bold red", "reject": "bold magenta", "skip": "dim"}
_STATE_STYLES = {"new": "yellow", "established": "green", "related": "cyan", "invalid": "red"}
#: Columns of the ladder besides the arrow: frame, time, and what stands behind it.
_FRAME, _TIME = 7, 12
_ARROW_LEAST, _ARROW_MOST = 18, 44


@dataclass(frozen=True, slots=True)
class Rung:
    """What a packet says, in short."""

    #: Above the arrow: ``SYN``, ``PSH ACK``, ``echo request`` …
    label: str
    #: Relative sequence numbers and lengths.
    numbers: str


class _Numbers:
    """Sequence numbers counted from the first one seen of each side."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def of(self, values: Mapping[str, int], *, there: bool) -> str:
        """Sequence and acknowledgement of a segment."""
        mine, other = int(there), int(not there)
        self._first.setdefault(mine, values["seq"])
        if values["tcp_flags"] & consts.TCP_ACK:
            self._first.setdefault(other, values["ack"] - 1 & 0xFFFFFFFF)
        text = f"seq {_signed(values['seq'] - self._first[mine])}"
        if values["tcp_flags"] & consts.TCP_ACK:
            text += f" ack {_signed(values['ack'] - self._first[other])}"
        return text + (f" len {values['payload_len']}" if values["payload_len"] else "")


def _signed(number: int) -> int:
    """A difference of sequence numbers as the nearest number, which may be negative."""
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def ladder_record(story: Story, context: Context) -> dict[str, Any]:
    """The story as plain values; times are relative to its first packet."""
    packets = [*story.head, *story.tail]
    first = packets[0].values
    numbers = _Numbers()
    left, right = _ends(first)
    rows = [_row(each, first, numbers, context) for each in packets]
    return {
        "schema_version": LADDER_VERSION,
        "wanted": story.wanted,
        "left": left,
        "right": right,
        "proto": protocol_name(first["proto"]),
        "packets": story.count,
        "left_out": story.left_out,
        "left_out_after": story.head[-1].frame if story.left_out else None,
        "first": iso_time(first["ts_ns"]),
        "first_ns": first["ts_ns"],
        "rungs": rows,
        "flows": sorted((_flow(each) for each in story.ended), key=lambda flow: flow["flow"]),
    }


def _ends(values: Mapping[str, int]) -> tuple[str, str]:
    found = []
    for end, port in (("src", "sport"), ("dst", "dport")):
        address = address_text(values[f"{end}_hi"], values[f"{end}_lo"], values["l3"])
        found.append(endpoint_text(address, values[port] if values["proto"] in _PORTS else 0))
    return found[0], found[1]


def _row(packet: StoryPacket, first: Mapping[str, int], numbers: _Numbers, context: Context) -> dict[str, Any]:
    values = packet.values
    there = _is_there(values, first)
    rung = _rung(values, numbers, there=there)
    program = context.program
    rule, chain = program.rules[values["rule"]], program.chains[values["chain"]]
    source = _ends(values)[0]
    return {
        "frame": packet.frame,
        "at_ns": values["ts_ns"] - first["ts_ns"],
        "to_right": there,
        "from": source,
        "label": rung.label,
        "numbers": rung.numbers or None,
        "flow": values["flow"] or None,
        "ct_state": vocab.CT_STATES[values["ct_state"]] or None,
        "state": _STATES.get(first["proto"], {}).get(values["tcp_state"]) or None,
        "timeout_ns": values["timeout_ns"] or None,
        "verdict": vocab.VERDICTS[values["verdict"]],
        "decided": bool(values["decided"]),
        "reason": vocab.REASONS[values["reason"]] or None,
        "rule_at": f"{rule.path}:{rule.line}" if rule else f"{chain.path}:{chain.policy_line}" if chain else None,
        "anomalies": vocab.anomaly_names(values["anomalies"]),
    }


def _is_there(values: Mapping[str, int], first: Mapping[str, int]) -> bool:
    """Whether a packet runs from left to right; an ICMP error by whom it goes to."""
    if values["proto"] in _ICMP and first["proto"] not in _ICMP:
        return not all(values[f"dst_{half}"] == first[f"src_{half}"] for half in ("hi", "lo"))
    same = all(values[name] == first[name] for name in ("src_hi", "src_lo"))
    without_ports = (values["frag"] | first["frag"]) & _OFFSET
    return same and (first["proto"] not in _PORTS or bool(without_ports) or values["sport"] == first["sport"])


def _rung(values: Mapping[str, int], numbers: _Numbers, *, there: bool) -> Rung:
    proto = values["proto"]
    if values["frag"] & _OFFSET:
        return Rung("fragment", f"{values['ip_len']} bytes")
    if proto == consts.PROTO_TCP:
        names = [name for bit, name in enumerate(_FLAG_NAMES) if values["tcp_flags"] >> bit & 1]
        return Rung(" ".join(names) or "no flags", numbers.of(values, there=there))
    if proto in _ICMP:
        return Rung(f"{protocol_name(proto)} type {values['icmp_type']} code {values['icmp_code']}", f"{values['ip_len']} bytes")
    return Rung(protocol_name(proto), f"len {values['payload_len']}")


def _flow(row: Any) -> dict[str, Any]:
    return {
        "flow": int(row["flow"]),
        "end_reason": vocab.END_REASONS[int(row["end"])] or None,
        "end_ns": int(row["end_ns"]),
        "first_frame": int(row["first_frame"]),
        "last_frame": int(row["last_frame"]),
        "packets": [int(each) for each in row["packets"]],
        "bytes": [int(each) for each in row["bytes"]],
        "blocked": bool(row["blocked"]),
        "max_gap_ns": int(row["max_gap_ns"]),
        "history": row["history"].decode("ascii", "replace"),
    }


# Drawing --------------------------------------------------------------------------------------------------------------------------


def render_ladder(record: Mapping[str, Any], console: Console) -> None:
    """Print the ladder, as wide as the console."""
    for line in _lines(record, console.width):
        console.print(line, soft_wrap=True)


def _lines(record: Mapping[str, Any], width: int) -> Iterator[Text]:
    arrow = max(_ARROW_LEAST, min(_ARROW_MOST, (width - _FRAME - _TIME) // 2 - 2))
    yield Text.assemble(
        (f"{record['left']} > {record['right']}/{record['proto']}", "bold"),
        f"  {count(record['packets'])} packet{'s' if record['packets'] != 1 else ''} from {record['first'][:26].replace('T', ' ')} UTC",
    )
    yield Text()
    yield _head(record, arrow)
    before: Mapping[str, Any] | None = None
    flow = None
    ends = {each["flow"]: each for each in record["flows"]}
    for rung in record["rungs"]:
        yield from _between(before, rung, record, arrow)
        if flow and rung["flow"] and rung["flow"] != flow:
            yield from _next_flow(ends.get(flow), rung, record, arrow)
        flow = rung["flow"] or flow
        yield _rung_line(rung, arrow, width)
        yield from _remarks(rung, arrow)
        before = rung
    yield Text(" " * (_FRAME + _TIME) + "│" + " " * (arrow - 2) + "│", style="dim")
    for flow in record["flows"]:
        yield _flow_line(flow, record["first_ns"])


def _head(record: Mapping[str, Any], arrow: int) -> Text:
    left, right = record["left"], record["right"]
    gap = max(2, arrow - len(left) - len(right))
    names = f"{left}{' ' * gap}{right}" if len(left) + len(right) + 2 <= arrow else f"{left} … {right}"
    return Text.assemble((f"{'frame':>{_FRAME - 1}} {'time':>{_TIME - 2}}  ", "dim"), (f"{names:<{arrow}}", "bold"))


def _between(before: Mapping[str, Any] | None, rung: Mapping[str, Any], record: Mapping[str, Any], arrow: int) -> Iterator[Text]:
    """What lies between two packets: those left out, or a pause."""
    if before is None:
        return
    gap = rung["at_ns"] - before["at_ns"]
    if record["left_out"] and before["frame"] == record["left_out_after"]:
        yield _across(f" {count(record['left_out'])} packets not shown (--all) ", arrow, "dim")
    elif gap >= GAP_NS:
        yield _across(f" {duration(gap)} later ", arrow, "yellow")


def _next_flow(ended: Mapping[str, Any] | None, rung: Mapping[str, Any], record: Mapping[str, Any], arrow: int) -> Iterator[Text]:
    """One flow has ended, and the packets of another follow."""
    now = record["first_ns"] + rung["at_ns"]
    if ended is not None and ended["end_ns"] <= now and not ended["blocked"]:
        why = "timed out" if ended["end_reason"] == "timeout" else f"ended ({ended['end_reason']})"
        yield _across(f" flow {ended['flow']} {why} {duration(now - ended['end_ns'])} before this ", arrow, "bold yellow")
    yield _across(f" flow {rung['flow']} ", arrow, "yellow")


def _across(text: str, arrow: int, style: str) -> Text:
    return Text.assemble(" " * (_FRAME + _TIME), (f"{text:┄^{max(arrow, len(text) + 4)}}", style))


def _rung_line(rung: Mapping[str, Any], arrow: int, width: int) -> Text:
    label, inside = f"{rung['label']}  {rung['numbers'] or ''}".rstrip(), True
    if len(label) > arrow - 7:
        label, inside = rung["label"], not rung["numbers"]
    label = label if len(label) <= arrow - 7 else label[: arrow - 8] + "…"
    line = f" {label} ".center(arrow - 3, "─")
    passed = rung["verdict"] in ("accept", "skip")
    drawn = f"├{line}{'▶' if passed else '✗'}│" if rung["to_right"] else f"│{'◀' if passed else '✗'}{line}┤"
    state = "/".join(filter(None, (rung["ct_state"] or "-", rung["state"])))
    text = Text.assemble(
        (f"{rung['frame']:>{_FRAME - 1}} ", "dim"),
        f"{_seconds(rung['at_ns']):>{_TIME - 2}}  ",
        (drawn, "" if passed else "red"),
        " ",
        (f"{state:<23}", _STATE_STYLES.get(rung["ct_state"] or "", "")),
        " ",
        (f"{rung['verdict']}{'' if rung['decided'] else '?'}", _VERDICT_STYLES[rung["verdict"]]),
    )
    room = width - text.cell_len - 2
    if not inside and room >= len(rung["numbers"]):
        text.append(f"  {rung['numbers']}", style="dim")
    return text


def _seconds(ns: int) -> str:
    """Seconds with as many decimals, up to six, as the column holds."""
    return f"{ns // 10**9}.{ns % 10**9:09d}"[: _TIME - 2] if ns >= 10**12 else f"{ns / 1e9:.6f}"


def _remarks(rung: Mapping[str, Any], arrow: int) -> Iterator[Text]:
    """Under the arrow: why it was not accepted, and what was odd."""
    parts = []
    if rung["reason"]:
        parts.append(rung["reason"] + (f" at {rung['rule_at']}" if rung["rule_at"] and rung["verdict"] in ("drop", "reject") else ""))
    parts += [each for each in rung["anomalies"] if each != rung["reason"]]
    if parts:
        yield Text.assemble(" " * (_FRAME + _TIME), ("│" + " " * (arrow - 2) + "│ ", "dim"), (", ".join(parts), "italic yellow"))


def _flow_line(flow: Mapping[str, Any], first_ns: int) -> Text:
    packets = " + ".join(count(each) for each in flow["packets"])
    end = f"{(flow['end_ns'] - first_ns) / 1e9:.6f}"
    kind = "refused: no entry" if flow["blocked"] else f"{flow['end_reason']} at {end} s"
    gap = f", longest pause {duration(flow['max_gap_ns'])}" if flow["max_gap_ns"] else ""
    return Text.assemble(
        (f"flow {flow['flow']}", "bold"), f"  frames {flow['first_frame']} to {flow['last_frame']}, {packets} packets, {kind}{gap}"
    )
