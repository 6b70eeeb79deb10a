"""``pcapaudit rules``: look at rulesets without a capture."""

from __future__ import annotations

import click

__all__ = ["check_rules", "convert_rules", "rules", "show_rules"]


@click.group()
def rules() -> None:
    """Check rulesets, or convert them to nftables."""


@rules.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def check_rules(files: tuple[str, ...]) -> None:
    """Read rulesets as one and say what is wrong with them, and what of them cannot be decided from a capture.

    FILE is an nftables file (text or JSON), a policy file, or what iptables-save, ip6tables-save or ipset save wrote. What is worth
    knowing goes to standard output; what is wrong makes exit code 2.
    """
    from pcapaudit.replay.topology import Topology
    from pcapaudit.rules import compile_ruleset, load_ruleset
    from pcapaudit.rules.load import load_zones

    ruleset = load_ruleset(*files)
    zones, own = load_zones(*files)
    topology = Topology.from_options(zones, (), own)
    program = compile_ruleset(ruleset, topology.interfaces, topology.assumed)
    for warning in ruleset.warnings:
        click.echo(str(warning))
    for note in program.notes:
        click.echo(f"note: {note}")
    chains = sum(len(table.chains) for table in ruleset.tables)
    click.echo(f"{len(ruleset.tables)} tables, {chains} chains, {len(program.rules) - 1} rules")


@rules.command("convert")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def convert_rules(files: tuple[str, ...]) -> None:
    """Print rulesets as one nftables file.

    FILE is an nftables file (text or JSON), a policy file, or what iptables-save, ip6tables-save or ipset save wrote. What was
    renamed or left out is said on standard error; what nftables cannot say makes exit code 2.
    """
    from pcapaudit.rules import load_ruleset
    from pcapaudit.rules.convert import to_nftables

    text, notes = to_nftables(load_ruleset(*files))
    for note in notes:
        click.echo(f"pcapaudit: {note}", err=True)
    click.echo(text, nl=False)


@rules.command("show")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def show_rules(files: tuple[str, ...]) -> None:
    """Print the base chains of rulesets in the order in which the kernel runs them: priority, type, chain, policy, place.

    FILE is as for check.
    """
    from pcapaudit.rules import load_ruleset
    from pcapaudit.rules.overview import overview

    for line in overview(load_ruleset(*files)):
        click.echo(line)
