"""``pcapaudit rules``: look at rulesets without a capture."""

from __future__ import annotations

from dataclasses import replace

import click

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.options import EngineOptions, engine_options_but, report_option
from pcapaudit.core.errors import RulesetError

__all__ = ["check_rules", "convert_rules", "rules", "show_rules", "trace_rules"]


unsupported_option = click.option(
    "--unsupported",
    type=click.Choice(["refuse", "undecidable"]),
    default="refuse",
    show_default=True,
    help="What to do with rules that are not understood: refuse the file, or mark what depends on them.",
)


@click.group()
def rules() -> None:
    """Check rulesets, trace packets through them, or convert them."""


@rules.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the output.")
@report_option("lints")
@click.option(
    "--fail-on",
    type=click.Choice(["high", "medium", "low", "never"]),
    default="medium",
    show_default=True,
    help="The mildest lint that makes exit code 1.",
)
@unsupported_option
@click.option("--capture", "captures", metavar="CAPTURE", multiple=True, help="Say how many packets of a capture met what is found.")
def check_rules(
    files: tuple[str, ...], form: str, report: tuple[str, ...], fail_on: str, unsupported: str, captures: tuple[str, ...]
) -> int:
    """Read rulesets as one and say what is wrong with them, what stock tools would say, what nobody can have meant (lints), and what of
    them cannot be decided from a capture.

    FILE is an nftables file (text or JSON), a policy file, or what iptables-save, ip6tables-save or ipset save wrote.

    Exit code: 0 nothing found, 1 lints at or above --fail-on, 2 the rulesets cannot be used.
    """
    from pcapaudit.cli.checking import Checked, check_files, failing, json_of, report_of, text_of
    from pcapaudit.cli.reporting import hand_out, wanted_reports

    wanted = wanted_reports(report)
    try:
        found = check_files(files, captures, unsupported)
    except RulesetError as error:
        if form == "json":
            click.echo(json_of(Checked(files), error.diagnostics), nl=False)
        raise
    if not hand_out(wanted, report_of(found, fail_on), quiet=False):
        click.echo(json_of(found) if form == "json" else text_of(found), nl=False)
    return Exit.FOUND if failing(found, fail_on) else Exit.CLEAN


@rules.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--to",
    type=click.Choice(["nftables", "iptables"]),
    default="nftables",
    show_default=True,
    help="What to write; iptables only for what iptables-save or ip6tables-save wrote, in one way of writing.",
)
def convert_rules(files: tuple[str, ...], to: str) -> None:
    """Print rulesets as one nftables file.

    FILE is an nftables file (text or JSON), a policy file, or what iptables-save, ip6tables-save or ipset save wrote. What was
    renamed or left out is said on standard error; what nftables cannot say makes exit code 2.
    """
    from pcapaudit.rules import load_ruleset
    from pcapaudit.rules.convert import to_nftables

    if to == "iptables":
        from pcapaudit.rules.iptables.printer import format_iptables

        click.echo(format_iptables(load_ruleset(*files)), nl=False)
        return
    text, notes = to_nftables(load_ruleset(*files))
    for note in notes:
        click.echo(f"pcapaudit: {note}", err=True)
    click.echo(text, nl=False)


@rules.command("show")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--chains", is_flag=True, help="Only the base chains.")
@unsupported_option
def show_rules(files: tuple[str, ...], chains: bool, unsupported: str) -> None:
    """Print rulesets in one way of writing, whatever they were read from: first the base chains in the order in which the kernel runs them
    (priority, type, chain, policy, place), then tables, sets and rules as nftables text. Behind each rule stand its id, as in reports, and
    the place that it was read from.

    FILE is as for check.
    """
    from pcapaudit.rules import load_ruleset
    from pcapaudit.rules.nft.printer import format_ruleset
    from pcapaudit.rules.overview import overview

    ruleset = load_ruleset(*files, undecidable=unsupported == "undecidable")
    for line in overview(ruleset):
        click.echo(line)
    if not chains:
        click.echo("\n" + format_ruleset(ruleset, numbered=True), nl=False)


@rules.command("trace")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--packet", metavar="TEXT", required=True, help="The packet, such as 'in lan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn'.")
@click.option(
    "--expect", type=click.Choice(["accept", "drop", "reject"]), help="Exit code 1 if the (last) packet's verdict is another, or undecided."
)
@engine_options_but(rules=(), checksum="ignore", reorder_window=0.0, strict=False)
@click.option("--all", "everything", is_flag=True, help="Leave out no rule that does not match.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form on stdout.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour on stdout.")
def trace_rules(files: tuple[str, ...], engine: EngineOptions, **options: object) -> int:
    """Show the way of a packet through rulesets, in phases.

    TEXT is [in IFACE] [out IFACE] [forward|input|output] PROTO SOURCE > DESTINATION and, in any order: TCP flags (syn, syn,ack …), type,
    code and id (ICMP), ct STATE (in place of what conntrack says), mark, length, ttl, seq, acked. Several packets with ; between them are a
    conversation; "after 40s" sets the time between them. IFACE is an interface or a zone.

    FILE is as for check. Exit code: 0 the way was shown, 1 the verdict is not the one of --expect, 2 the work could not be done.
    """
    from pcapaudit.cli.rule_tracing import RuleTraceOptions, run_rule_trace

    as_expected = run_rule_trace(replace(engine, rules=files), RuleTraceOptions(**options))  # type: ignore[arg-type]  # click made the types
    return Exit.CLEAN if as_expected else Exit.FOUND
