"""The work behind ``pcapaudit verify``: sandbox and run put together, the report printed. Imported when it is needed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.api.session import open_session
from pcapaudit.cli.progress import RunProgress
from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel.sandbox import Plan, Sandbox, check_machine
from pcapaudit.kernel.verify import SKIPPED, UNKNOWN_INTERFACE, Difference, Report, Side, kernel_sysctls
from pcapaudit.kernel.verify import verify as compare
from pcapaudit.rules.convert import to_nftables
from pcapaudit.rules.load import is_nftables_text

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions
    from pcapaudit.cli.verify import VerifyOptions
    from pcapaudit.replay.consumer import Context

__all__ = ["report_lines", "report_record", "run_verify"]

_VERSION = 1


def run_verify(captures: Sequence[str], engine: EngineOptions, options: VerifyOptions) -> Report:
    """Compare and print. Raises PcapauditError."""
    check_machine()
    release = os.uname().release
    with open_session(captures, replace(engine, path=options.hook, kernel=release)) as context:
        if context.topology.own:
            raise ConfigError("--topology: verify knows no own addresses: leave them away, and choose the chains with --hook")
        if context.topology.ct_zone != "none":
            raise ConfigError("--ct-zone: verify gives the kernel packets without their VLANs, all in zone 0: leave it away")
        with Sandbox(_plan(context, engine, options)) as sandbox:
            for note in sandbox.notes:
                sys.stderr.write(f"pcapaudit: {note}\n")
            with RunProgress(context.stream, wanted=options.progress) as progress:
                report = compare(context, sandbox, realtime=options.realtime, max_shown=options.max_shown, progress=progress)
    text = json.dumps(report_record(report, release), indent=2) if options.form == "json" else "\n".join(report_lines(report, release))
    sys.stdout.write(text + "\n")
    return report


def _plan(context: Context, engine: EngineOptions, options: VerifyOptions) -> Plan:
    zones = context.topology.zones
    interfaces = tuple(dict.fromkeys((*context.topology.interfaces, UNKNOWN_INTERFACE)))
    if interfaces != (*context.topology.interfaces, UNKNOWN_INTERFACE):
        raise ConfigError("verify needs one zone an interface: write the networks behind an interface into one zone")
    return Plan(
        interfaces=interfaces,
        rules=_rules_text(context, engine),
        path=options.hook,
        sysctls=kernel_sysctls(context.conntrack),
        routes={str(prefix): zone.iface for zone in zones for prefix in zone.prefixes},
        folder=str(Path(engine.rules[0]).parent) if engine.rules else ".",
    )


def _rules_text(context: Context, engine: EngineOptions) -> str:
    """What nft is given: one nftables file as it is, anything else (several files, iptables-save, JSON, a policy) as we print it."""
    if engine.rules:
        texts = [Path(each).read_text(encoding="utf-8") for each in engine.rules]
        return texts[0] if len(texts) == 1 and is_nftables_text(texts[0], engine.rules[0]) else to_nftables(context.ruleset)[0]
    if context.topology.assumed:
        return resources.files("pcapaudit.rules").joinpath("default.nft").read_text(encoding="utf-8")
    return to_nftables(context.ruleset)[0]


def report_record(report: Report, release: str) -> dict[str, object]:
    """The report as values for JSON."""
    return {
        "version": _VERSION,
        "kernel": release,
        "frames": report.frames,
        "compared": report.compared,
        "different": report.different,
        "by_field": dict(sorted(report.by_field.items())),
        "not_compared": dict(sorted(report.skipped.items())),
        "behind_gap": {"count": report.behind_gap, "first_frames": report.gap_frames},
        "differences": [asdict(each) for each in report.differences],
    }


def report_lines(report: Report, release: str) -> list[str]:
    """The report for people."""
    lines = [line for each in report.differences for line in _difference_lines(each)]
    if report.different > len(report.differences):
        lines.append(f"... and {report.different - len(report.differences)} more packets that differ (--max-shown)")
    fields = ", ".join(f"{name} {count}" for name, count in report.by_field.most_common())
    lines.append(
        f"{report.frames} frames, {report.compared} packets compared with Linux {release}: "
        + (f"{report.different} differ ({fields})" if report.different else "no difference")
    )
    lines += [f"not compared: {report.skipped[key]} {text}" for key, text in SKIPPED.items() if report.skipped[key]]
    if report.behind_gap:
        shown = ", ".join(map(str, report.gap_frames)) + (", ..." if report.behind_gap > len(report.gap_frames) else "")
        lines.append(
            f"behind a gap: {report.behind_gap} frames, on which a time-out tells that was not waited for: {shown}; "
            "they were compared as if no time had passed. --realtime waits"
        )
    return lines


def _difference_lines(difference: Difference) -> list[str]:
    return [
        f"frame {difference.frame}: {', '.join(difference.fields)}",
        f"  engine  {_side(difference.engine)}",
        f"  kernel  {_side(difference.kernel)}",
    ]


def _side(side: Side) -> str:
    parts = [side.ct_state or "untold", side.direction, side.verdict or ""]
    if side.status is not None:
        parts += [side.tcp_state or "", "+".join(side.status), f"{side.timeout:g} s"]
    else:
        parts.append("no entry")
    return " ".join(part for part in parts if part)
