"""Options that commands share: one decorator and one dataclass a group. A command's function only translates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import click

from pcapaudit.api.options import EngineOptions, FindingOptions

__all__ = [
    "REPORT_FORMS",
    "CoverageOptions",
    "EngineOptions",
    "FindingOptions",
    "coverage_options",
    "document_options",
    "engine_options",
    "engine_options_but",
    "finding_options",
    "replay_options",
    "report_option",
]

Function = Callable[..., Any]

#: Forms of ``--report``, as ``report.ci.forms`` has them.
REPORT_FORMS = ("concise", "grouped", "json-lines", "junit", "sarif", "github", "gitlab", "azure", "pylint", "rdjson", "markdown")


_FINDING_OPTIONS = (
    click.option(
        "--select", metavar="CODES", multiple=True, help="Report these findings only: codes or their beginnings, with commas; ALL."
    ),
    click.option("--ignore", metavar="CODES", multiple=True, help="Do not report these; of --select and --ignore the longer code wins."),
    click.option("--config", metavar="FILE", help="Thresholds, suppressions. Default: pcapaudit.toml or pyproject.toml in this directory."),
)
_RULES_OPTION = click.option(
    "--rules",
    metavar="FILE",
    multiple=True,
    help="Ruleset (nftables, iptables-save, ip6tables-save, ipset save, policy); several are one. Default: the built-in stateful policy.",
)
_REPLAY_OPTIONS = (
    click.option(
        "--unsupported",
        type=click.Choice(["refuse", "undecidable"]),
        default="refuse",
        show_default=True,
        help="What to do with rules that are not understood: refuse the file, or mark what depends on them.",
    ),
    click.option("--local", metavar="CIDR", multiple=True, help="Network inside the firewall. Default: the private ranges."),
    click.option("--zone", metavar="NAME=IFACE:CIDR", multiple=True, help="Which networks lie behind which interface; 'any' for the rest."),
    click.option("--topology", metavar="FILE", help="Zones, interfaces and own addresses, in place of --local, --zone and --own."),
    click.option("--own", metavar="ADDRESS", multiple=True, help="Address of the firewall itself: chains input and output."),
    click.option(
        "--path",
        type=click.Choice(["auto", "forward", "input", "output"]),
        default="auto",
        show_default=True,
        help="Way that every packet takes; auto decides by --own.",
    ),
    click.option("--captured", metavar="ZONE", default="", help="Zone on whose link the capture was made: which side of NAT it shows."),
    click.option(
        "--infer",
        type=click.Choice(["auto", "none"]),
        default="auto",
        show_default=True,
        help="Without --own, --zone, --topology, --path: have the first frames tell whether a host or a router captured them, or nobody.",
    ),
    click.option(
        "--ct-zone",
        type=click.Choice(["none", "vlan", "outer-vlan", "interface"]),
        default="none",
        show_default=True,
        help="Keep connections of different VLANs, or capture interfaces, apart: the conntrack zone is the (inner or outer) tag's number.",
    ),
    click.option(
        "--profile",
        metavar="NAME",
        default="linux",
        show_default=True,
        help="Time-outs and switches of another filter: textbook, cisco-asa, openbsd-pf, …, rfc ('list' shows them).",
    ),
    click.option("--kernel", metavar="VERSION", help="Behave as this Linux, such as 6.1 or 6.12.107. Default: 6.12.117."),
    click.option("--sysctl-file", metavar="FILE", help="Time-outs and switches from the output of sysctl -a on the firewall."),
    click.option("--timeout", metavar="NAME=TIME", multiple=True, help="Connection time-out, such as tcp.established=1h."),
    click.option("--sysctl", metavar="NAME=VALUE", multiple=True, help="Conntrack switch, such as nf_conntrack_tcp_loose=0."),
    click.option("--helper", metavar="NAME[=PORT,…]", multiple=True, help="Have a conntrack helper read a port, such as ftp=21,2121."),
    click.option(
        "--helpers",
        type=click.Choice(["rules", "auto"]),
        default="rules",
        show_default=True,
        help="Who gets a helper: whom the rules give one, or everybody by port (auto), as before Linux 6.0.",
    ),
    click.option("--helper-param", metavar="NAME=VALUE", multiple=True, help="Setting of a helper, such as ftp.loose=1."),
    click.option(
        "--checksum",
        type=click.Choice(["auto", "verify", "ignore"]),
        default="auto",
        show_default=True,
        help="auto tells a checksum left to the network card from a wrong one.",
    ),
    click.option(
        "--mode",
        type=click.Choice(["what-if", "observed"]),
        default="what-if",
        show_default=True,
        help="what-if: as Linux would do with just these packets. observed: they did pass.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="Key of the connection table's hash; results do not depend on it. Default: random.",
    ),
    click.option("--reorder-window", type=click.FloatRange(min=0), default=0.0, metavar="S", help="Sort frames by time within S seconds."),
    click.option("--strict", is_flag=True, help="A capture that is cut off or otherwise odd is an error (exit code 2)."),
)


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """What is told of rules that were reached and that were not."""

    #: FORM or FORM=FILE texts.
    coverage: tuple[str, ...] = ()
    #: Percentage of the rules that must be reached; None for any.
    fail_under: float | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody has to count."""
        return bool(self.coverage) or self.fail_under is not None


_COVERAGE_OPTIONS = (
    click.option(
        "--coverage",
        metavar="FORM[=FILE]",
        multiple=True,
        help="Which rules were reached, beside the ruleset's text: text, html or lcov; repeat for several.",
    ),
    click.option(
        "--fail-under", type=click.FloatRange(0, 100), metavar="PCT", help="Exit code 1 if fewer percent of the rules were reached."
    ),
)


def coverage_options(function: Function) -> Function:
    """Give a command the options of CoverageOptions; its function gets them as ``covering``."""
    return _collect(function, CoverageOptions, "covering", _COVERAGE_OPTIONS, {})


def engine_options(function: Function) -> Function:
    """Give a command the options of EngineOptions; its function gets them as ``engine``."""
    return _collect(function, EngineOptions, "engine", (_RULES_OPTION, *_REPLAY_OPTIONS), {})


def finding_options(function: Function) -> Function:
    """Give a command the options of FindingOptions; its function gets them as ``findings``."""
    return _collect(function, FindingOptions, "findings", _FINDING_OPTIONS, {})


def engine_options_but(**fixed: object) -> Callable[[Function], Function]:
    """The same without some of the options, whose values are given here."""
    offered = tuple(option for option in (_RULES_OPTION, *_REPLAY_OPTIONS) if _name(option) not in fixed)
    return lambda function: _collect(function, EngineOptions, "engine", offered, fixed)


def replay_options(function: Function) -> Function:
    """The same without --rules, for commands that take rulesets as arguments."""
    return _collect(function, EngineOptions, "engine", _REPLAY_OPTIONS, {"rules": ()})


def document_options(*, silent: bool = False) -> Callable[[Function], Function]:
    """``--format``, ``--quiet``, ``--no-progress`` and ``--color``, for a command that prints one document.

    ``silent``: with --quiet it prints not even that, because its exit code tells enough.
    """
    kept = "no notes, no report: only" if silent else "no notes: only the report,"
    offered = (
        click.option(
            "--format",
            "form",
            type=click.Choice(["text", "json", "markdown", "html"]),
            default="text",
            show_default=True,
            help="Form of the report.",
        ),
        click.option("-q", "--quiet", is_flag=True, help=f"No progress, {kept} errors and the exit code."),
        click.option("--no-progress", "progress", flag_value=False, default=True, help="No progress bar."),
        click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour on stdout."
        ),
    )

    def give(function: Function) -> Function:
        for option in reversed(offered):
            function = option(function)
        return function

    return give


def report_option(what: str) -> Callable[[Function], Function]:
    """``--report FORM[=FILE]``, for a command that finds ``what``."""
    return click.option(
        "--report",
        metavar="FORM[=FILE]",
        multiple=True,
        help=f"Give the {what} to a CI server: in FILE, or on stdout in place of the report; repeat for several. "
        f"FORM: {', '.join(REPORT_FORMS)}.",
    )


def _name(option: Callable[[Function], Function]) -> str:
    """The field that an option fills."""

    def probe() -> None: ...

    option(probe)
    parameters: list[click.Parameter] = probe.__click_params__  # type: ignore[attr-defined]  # click's way to keep them
    return str(parameters[0].name)


def _collect(
    function: Function,
    kind: type[Any],
    parameter: str,
    options: tuple[Callable[[Function], Function], ...],
    fixed: Mapping[str, object],
) -> Function:
    """Add options to a command and hand their values on in a dataclass, with ``fixed`` ones for fields that have no option."""
    names = [field.name for field in fields(kind) if field.name not in fixed]

    @wraps(function)
    def wrapper(*args: Any, **values: Any) -> Any:
        return function(*args, **{parameter: kind(**{name: values.pop(name) for name in names}, **fixed)}, **values)

    command: Function = wrapper
    for option in reversed(options):
        command = option(command)
    return command
