"""A traced frame in phases, as a packet tracer shows them: where the packet arrived, what conntrack said, each base chain, the result.

Drawn from the record of ``report.trace``, so text and JSON say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from pcapaudit.report.ruler import ruler_lines
from pcapaudit.report.terminal import duration

__all__ = ["Phase", "phases_of", "render_phases"]

#: Rules in a row that did not match, of which more are counted and not shown.
SHOWN_MISSES = 6
_STYLES = {
    "ALLOW": "green",
    "DROP": "bold red",
    "REJECT": "bold magenta",
    "SKIP": "dim",
    "UNKNOWN": "bold yellow",
    "PASS": "dim",
    "INVALID": "red",
}
_RESULTS = {"accept": "ALLOW", "drop": "DROP", "reject": "REJECT", "skip": "SKIP"}
_MARKS = {"matched": ("✓", "green"), "not-matched": ("·", "dim"), "unknown": ("?", "yellow")}
_ENDS = frozenset({"accept", "drop", "reject", "queue"})


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase."""

    #: ``ARRIVAL``, ``CONNTRACK``, a hook, ``RESULT``.
    type: str
    #: What it is more exactly.
    subtype: str
    #: A key of ``_STYLES``.
    result: str
    #: The line of configuration that decided, with its place.
    config: str
    #: Further lines, ready to print.
    details: tuple[Text, ...]


def phases_of(record: Mapping[str, Any], *, everything: bool = False) -> list[Phase]:
    """The phases of a traced frame; ``everything``: no rule is left out."""
    steps = record["rules"]
    raw = [step for step in _by_chain(steps) if step[0]["before_conntrack"]]
    rest = [step for step in _by_chain(steps) if not step[0]["before_conntrack"]]
    return [
        _arrival(record),
        *(_chain(each, everything=everything) for each in raw),
        _conntrack(record),
        *(_chain(each, everything=everything) for each in rest),
        _result(record),
    ]


def render_phases(record: Mapping[str, Any], console: Console, *, everything: bool = False) -> None:
    """Print the phases of a traced frame."""
    head = Text.assemble((f"Frame {record['frame']}", "bold"), f"  {record['time'][:26].replace('T', ' ')} UTC  ", record["packet"]["text"])
    console.print(head)
    for number, phase in enumerate(phases_of(record, everything=everything), 1):
        console.print()
        _print_phase(number, phase, console)


def _print_phase(number: int, phase: Phase, console: Console) -> None:
    title = Text.assemble(
        (f"{number:>2} ", "dim"),
        (f"{phase.type:<12}", "bold"),
        (f"{phase.result:<8}", _STYLES.get(phase.result, "")),
        phase.subtype,
    )
    console.print(title, soft_wrap=True)
    if phase.config:
        console.print(Text.assemble("   config  ", (phase.config, "cyan")), soft_wrap=True)
    for line in phase.details:
        console.print(Text.assemble("   ", line), soft_wrap=True)


# Arrival and result ---------------------------------------------------------------------------------------------------------------


def _arrival(record: Mapping[str, Any]) -> Phase:
    packet, vantage = record["packet"], record["vantage"]
    details = [Text(each) for each in _packet_lines(packet)]
    if vantage["assumed"] and packet["proto"]:
        details.append(Text("interfaces are assumed from the addresses: --zone, --local or --topology say otherwise", style="dim"))
    if vantage["place"] and packet["proto"]:
        found = "not known where this was captured" if vantage["place"] == "unknown" else "where it was captured is inferred"
        details.append(Text(f"{found}: {vantage['evidence']}", style="yellow" if vantage["place"] == "unknown" else "dim"))
    ends = {"output": (None, vantage["oif"]), "input": (vantage["iif"], None)}.get(vantage["path"], (vantage["iif"], vantage["oif"]))
    way = f"{vantage['path']}: in {ends[0] or _no_end(vantage['path'], 'output')}, out {ends[1] or _no_end(vantage['path'], 'input')}"
    return Phase("ARRIVAL", way if packet["proto"] else "not an IP packet", "ALLOW" if packet["proto"] else "SKIP", "", tuple(details))


def _no_end(path: str, none_on: str) -> str:
    return "none" if path == none_on else "an unknown interface"


def _packet_lines(packet: Mapping[str, Any]) -> Iterator[str]:
    if packet["tcp"]:
        tcp = packet["tcp"]
        scale = f" wscale {tcp['window_scale']}" if tcp["window_scale"] is not None else ""
        yield f"tcp {tcp['flags'] or 'no flags'}  seq {tcp['seq']}  ack {tcp['ack']}  win {tcp['window']}{scale}  payload {tcp['payload']}"
    elif packet["icmp"]:
        icmp = packet["icmp"]
        yield f"{packet['proto']} type {icmp['type']} code {icmp['code']} id {icmp['id']}"
    if packet["proto"]:
        extra = [f"{packet['bytes']} bytes", f"ttl {packet['ttl']}"]
        extra += [f"vlan {packet['vlan']}"] if packet["vlan"] is not None else []
        extra += ["a fragment"] if packet["fragment"] else []
        extra += (
            [f"a fragment: the whole datagram is judged, when frame {packet['whole_at']} completes it"] if packet["reassembled"] else []
        )
        yield "  ".join(extra)
    if packet["anomalies"]:
        yield f"anomalies: {', '.join(packet['anomalies'])}"


def _result(record: Mapping[str, Any]) -> Phase:
    verdict, vantage = record["verdict"], record["vantage"]
    details = []
    if verdict["reason"]:
        details.append(Text(f"reason: {verdict['reason']}: {verdict['reason_text']}"))
    if not verdict["decided"]:
        cause = verdict["cause_at"] or "the packet's path through the hooks"
        details.append(Text(f"undecided: {cause} asks for what the capture does not hold, and could change this", style="yellow"))
    hook = f" at {verdict['hook']}" if verdict["hook"] and verdict["verdict"] in ("drop", "reject") else ""
    subtype = {"accept": f"accepted, goes on to {vantage['oif'] or 'the host' if vantage['path'] == 'input' else vantage['oif'] or '?'}"}
    text = subtype.get(verdict["verdict"], f"{verdict['verdict']}{hook}")
    config = f"{verdict['at']}  {verdict['text']}" if verdict["at"] else ""
    return Phase("RESULT", text, _RESULTS[verdict["verdict"]], config, tuple(details))


# Conntrack ------------------------------------------------------------------------------------------------------------------------


def _conntrack(record: Mapping[str, Any]) -> Phase:
    ct, verdict = record["conntrack"], record["verdict"]
    state = ct["ct_state"]
    details = []
    if ct["log"]:
        details.append(Text.assemble("Linux logs    ", (f'"{ct["log"]}"', "italic")))
    of_whom = "of the packet that this ICMP error quotes" if ct["about_quoted_packet"] else ""
    if ct["before"] or ct["after"]:
        details += _entry_lines(ct["before"], ct["after"], of_whom)
    if ct["window"]:
        details += ruler_lines(ct["window"])
    own = verdict["reason"] not in (None, "rule", "policy")
    if own:
        details.insert(0, Text(f"{verdict['reason']}: {verdict['reason_text']}", style="red" if state == "invalid" else ""))
    result = "INVALID" if state == "invalid" else "ALLOW" if state else _RESULTS[verdict["verdict"]] if own else "PASS"
    subtype = f"ct state {state}" if state else "not tracked"
    if ct["direction"]:
        subtype += f", {ct['direction']} direction"
    if ct["flow"]:
        subtype += f", flow {ct['flow']}"
    return Phase("CONNTRACK", subtype, result, "", tuple(details))


def _entry_lines(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, of_whom: str = "") -> list[Text]:
    """The connection before and after a packet, side by side in words."""
    lines = [Text(f"connection {of_whom}".rstrip(), style="dim")] if of_whom else []
    for label, entry in (("before", before), ("after", after)):
        lines.append(Text.assemble((f"{label:<8}", "bold"), _entry_text(entry, label)))
    for name in ("original_side", "reply_side"):
        lines += _side_lines(name, before, after)
    return lines


def _entry_text(entry: Mapping[str, Any] | None, label: str) -> str:
    if entry is None:
        return "no entry" if label == "before" else "no entry: none was made, or it ended with this packet"
    status = ",".join(entry["status"]) or "unconfirmed"
    left = (
        f"timed out {duration(-entry['left_ns'])} ago ({entry['timer']})"
        if entry["expired"]
        else f"{duration(entry['left_ns'])} left of {duration(entry['timer_ns'])} ({entry['timer']})"
    )
    mark = f"  mark 0x{entry['mark']:x}" if entry["mark"] else ""
    repeated = f"  repeated {entry['repetitions']}×" if entry["repetitions"] else ""
    return f"{entry['state'] or '-'}  {status}  {left}{mark}{repeated}"


def _side_lines(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Text]:
    """What TCP knows of a side; where the packet changed it, both numbers."""
    old, new = (each[name] if each else None for each in (before, after))
    if not (old or new):
        return
    parts = []
    for field in ("end", "maxend", "maxwin", "maxack", "scale"):
        was, now = (each[field] if each else None for each in (old, new))
        parts.append((f"{field} ", "dim"))
        shown = now if new else was
        text = "-" if shown is None else str(shown)
        changed = bool(old and new and was != now)
        parts.append((f"{'-' if was is None else was}→{text}  " if changed else f"{text}  ", "bold" if changed else ""))
    flags = (new or old or {}).get("flags", ())
    parts.append((" ".join(each for each in flags if each != "maxack_set"), "dim"))
    yield Text.assemble((f"{name.partition('_')[0]:<10}", "bold"), *parts)


# Chains ---------------------------------------------------------------------------------------------------------------------------


def _by_chain(steps: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    found: list[list[Mapping[str, Any]]] = []
    for step in steps:
        if step["kind"] == "chain":
            found.append([])
        found[-1].append(step)
    return found


def _chain(steps: Sequence[Mapping[str, Any]], *, everything: bool) -> Phase:
    """A base chain and what it jumped to."""
    chain = steps[0]
    details = list(_rule_lines(steps[1:], everything=everything))
    ending = [step for step in steps[1:] if step["kind"] == "rule" and step["outcome"] != "not-matched" and step["world"] == "main"]
    last = ending[-1] if ending else None
    subtype = f"{chain['chain']}, priority {chain['priority']}" + (", nat" if chain["type"] == "nat" else "")
    if chain["world"] != "main":
        details.insert(0, Text("only if what is unknown above holds", style="yellow"))
    if chain["outcome"] == "not-asked":
        why = "nat chains see the first packet of a connection only" if chain["type"] == "nat" else "the packet is at none of its devices"
        return Phase(chain["hook"].upper(), subtype, "PASS", "", (Text(f"not asked: {why}", style="dim"),))
    if chain["outcome"] == "policy" or last is None or last["verdict"] is None:
        config = f"{chain['at']}  policy {chain['policy']}"
        return Phase(chain["hook"].upper(), subtype, _RESULTS[chain["policy"]], config, tuple(details))
    word = last["verdict"].split()[0]
    result = _RESULTS.get(word, "UNKNOWN" if word == "queue" else "ALLOW")
    return Phase(chain["hook"].upper(), subtype, result, f"{last['at']}  {last['text']}", tuple(details))


def _rule_lines(steps: Sequence[Mapping[str, Any]], *, everything: bool) -> Iterator[Text]:
    """One line a rule; of many in a row that did not match, the first ones."""
    misses = 0
    for number, step in enumerate(steps):
        indent = "  " * step["depth"]
        missed = step["kind"] == "rule" and step["outcome"] == "not-matched"
        misses = misses + 1 if missed else 0
        if missed and misses > SHOWN_MISSES and not everything:
            follows = steps[number + 1] if number + 1 < len(steps) else None
            if follows is None or follows["kind"] != "rule" or follows["outcome"] != "not-matched":
                hidden = misses - SHOWN_MISSES
                yield Text(f"{indent}  … {hidden} more rule{'s' if hidden > 1 else ''} did not match (--all)", style="dim")
            continue
        if step["kind"] == "return":
            yield Text(f"{indent}  back from {step['chain']}", style="dim")
        else:
            yield from _rule_line(step, indent)


def _rule_line(step: Mapping[str, Any], indent: str) -> Iterator[Text]:
    mark, style = _MARKS[step["outcome"]]
    text = Text.assemble((f"{indent}{mark} ", style), (f"{step['at']}  ", "cyan" if step["outcome"] != "not-matched" else "dim"))
    text.append(step["text"], style="" if step["outcome"] != "not-matched" else "dim")
    if step["world"] != "main":
        text.append("  (only if what is unknown holds)", style="yellow")
    yield text
    if step["outcome"] == "not-matched" or step["outcome"] == "unknown":
        yield Text(f"{indent}    {_why(step)}", style="dim" if step["outcome"] == "not-matched" else "yellow")


def _why(step: Mapping[str, Any]) -> str:
    if step["why"]:
        whole = step["expression"] == step["text"]
        return step["why"] if whole else f"{step['expression']}: {step['why']}"
    return f"{step['expression']}: found {step['seen']}"
