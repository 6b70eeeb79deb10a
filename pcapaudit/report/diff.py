"""A comparison (the record that ``regress`` makes) in words: what the terminal and the Markdown report have in common, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pcapaudit.report.summary import iso_time
from pcapaudit.report.terminal import count

__all__ = ["TITLES", "consequence", "decider", "headline", "packet", "render_json", "shown_time", "side", "volume"]

#: Kind → how people call it.
TITLES = {
    "newly-blocked": "newly blocked",
    "newly-allowed": "newly allowed",
    "reason-changed": "for another reason",
    "other-rule": "decided by another rule",
}
#: Kind → what became of flows that are on one side only, and of flows of which a part is.
_OUTCOMES = {
    "newly-blocked": ("never began", "was cut"),
    "newly-allowed": ("now begins", "now goes on"),
}
#: What is said of flows that changed in the middle without consequences.
_MIDDLE = {"newly-blocked": "cut", "newly-allowed": "let go on"}


def render_json(record: Mapping[str, Any]) -> str:
    """The record, indented."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def headline(record: Mapping[str, Any]) -> str:
    """The result in a sentence."""
    frames, packets = record["capture"]["frames"], record["packets"]
    if not packets["changed"]:
        return f"Nothing changed in {_number(frames, 'packet')}."
    kinds = ", ".join(f"{count(number)} {TITLES[kind]}" for kind, number in packets["by_kind"].items() if number)
    flows = f" of {_number(record['flows_changed'], 'flow')}" if record["flows_changed"] else ""
    text = f"{_number(packets['changed'], 'packet')}{flows} changed, of {count(frames)} packets: {kinds}."
    return text if record["failed"] else f"{text} All of that is allowed."


def volume(change: Mapping[str, Any]) -> str:
    """How much changed: packets and flows."""
    text = _number(change["packets"], "packet")
    return f"{text} of {_number(change['flows'], 'flow')}" if change["flows"] else text


def consequence(change: Mapping[str, Any]) -> str:
    """What the change did to flows, and how many packets only follow from that; may be empty."""
    outcomes = _OUTCOMES.get(change["kind"])
    whole, part, following = change["flows_whole"], change["flows_part"], change["consequences"]
    if outcomes is None:
        return f"{count(following)} of them in consequence" if following else ""
    if following:
        why = " or ".join(outcome for outcome, flows in zip(outcomes, (whole, part), strict=True) if flows) or "changed"
        return f"{count(following)} of them because their connection {why}"
    return f"{_number(part, 'connection')} {_MIDDLE[change['kind']]} in the middle" if part else ""


def decider(fate: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Verdict (and reason), place, and words of what decided."""
    if fate is None:
        return "various", "", "more causes than are told apart"
    verdict = fate["verdict"] + (f" ({fate['reason']})" if fate["reason"] else "")
    words = fate["text"] or ""
    if words.startswith("policy "):
        words = f"{words} of {fate['chain']}"
    state = f" (seen as {fate['ct_state']})" if fate["ct_state"] else ""
    return verdict, fate["at"] or "", (words or fate["chain"] or "before any rule") + state


def packet(example: Mapping[str, Any]) -> str:
    """An example as tcpdump would begin its line."""
    if example["proto"] is None:
        return "not IP"
    kind = f" type {example['icmp_type']} code {example['icmp_code']}" if example["icmp_type"] is not None else ""
    return f"{example['proto']} {_end(example, 'src', 'sport')} > {_end(example, 'dst', 'dport')}{kind}"


def shown_time(ns: int) -> str:
    """Date and time for people, UTC, to the microsecond."""
    return iso_time(ns)[:26].replace("T", " ")


def side(given: Mapping[str, Any]) -> str:
    """What a side was given."""
    what = "" if given["kind"] == "ruleset" else " (saved run)"
    settings = f", {', '.join(given['settings'])}" if given["settings"] else ""
    return f"{given['path']}{what}{settings}"


def _end(example: Mapping[str, Any], address: str, port: str) -> str:
    if example[port] is None:
        return str(example[address])
    host = f"[{example[address]}]" if ":" in example[address] else example[address]
    return f"{host}:{example[port]}"


def _number(number: int, unit: str) -> str:
    return f"{count(number)} {unit}" + ("" if number == 1 else "s")
