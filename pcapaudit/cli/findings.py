"""``pcapaudit findings``: what can be found, why it matters, and where the rules for it come from."""

from __future__ import annotations

import click

__all__ = ["findings", "list_findings", "show_finding"]


@click.group()
def findings() -> None:
    """List the kinds of findings, or explain one."""


@findings.command("list")
def list_findings() -> None:
    """List every code with its worst severity and what it means."""
    from pcapaudit.findings.registry import DETECTORS, describe

    described = [describe(detector) for detector in DETECTORS]
    width = max(len(each.code) for each in described)
    for each in sorted(described, key=lambda each: each.code):
        click.echo(f"{each.code:<{width}}  {each.severity:<8}  {each.title}")


@findings.command("show")
@click.argument("code")
def show_finding(code: str) -> None:
    """Explain the findings with this CODE: what is looked for, why it matters, an example, the source."""
    from pcapaudit.findings.registry import DETECTORS, describe

    for detector in DETECTORS:
        if detector.code == code:
            described = describe(detector)
            sections = "".join(f"\n{name}:\n\n{text}\n" for name, text in described.sections.items())
            limits = "".join(f"  {name} = {default:g}  {what}\n" for name, (default, what) in described.thresholds.items())
            limits = f"\nThresholds:\n\n{limits}" if limits else ""
            click.echo(f"{described.code} ({described.severity}): {described.title}\n{sections}{limits}", nl=False)
            return
    raise click.UsageError(f"no finding has the code {code}: 'pcapaudit findings list' shows them all.")
