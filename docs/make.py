"""Writes the pages of this folder that are made from the code: ``commands.md``, ``codes.md``, ``findings.md``, ``lints.md``,
``constructs.md`` and ``requirements.md``.

python docs/make.py            write them
python docs/make.py --check    exit code 1 if one is not what the code says (tests/test_docs.py asks the same)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

sys.path.append(str(Path(__file__).parent))
from constructs import rows

from pcapaudit.cli.main import cli
from pcapaudit.core import vocab
from pcapaudit.findings.registry import DETECTORS, describe
from pcapaudit.regress.standards.catalogue import STANDARDS, Requirement, load_standard
from pcapaudit.regress.standards.translating import NAT_PROBES
from pcapaudit.rules.lints import LINTS

HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/make.py: change the code, then run it. -->\n"


def main() -> int:
    """Write the pages, or compare them."""
    stale = [name for name, page in PAGES.items() if (HERE / name).read_text(encoding="utf-8") != page()] if "--check" in sys.argv else []
    if "--check" not in sys.argv:
        for name, page in PAGES.items():
            (HERE / name).write_text(page(), encoding="utf-8")
    for name in stale:
        print(f"docs/{name} is not what the code says: run python docs/make.py", file=sys.stderr)
    return 1 if stale else 0


def commands_page() -> str:
    """The help of every command, as it is printed at 100 columns."""
    parts = [NOTE, "# Commands\n"]
    for path, command in walk(cli, ("pcapaudit",)):
        parts.append(f"## {' '.join(path)}\n\n```text\n{help_text(path, command)}\n```\n")
    return "\n".join(parts)


def walk(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    """A command and its subcommands, depth first, by name."""
    found = [(path, command)]
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            found += walk(command.commands[name], (*path, name))
    return found


def help_text(path: tuple[str, ...], command: click.Command) -> str:
    """What ``--help`` prints at 100 columns."""
    context = click.Context(
        command, info_name=" ".join(path), terminal_width=100, **(cli.context_settings if path[1:] else command.context_settings)
    )
    return command.get_help(context).rstrip()


def codes_page() -> str:
    """Reasons and anomalies with their meanings."""
    reasons = "\n".join(f"| `{code}` | {text} |" for code, text in vocab.REASON_TEXTS.items() if code)
    anomalies = "\n".join(f"| `{code}` | {text} |" for code, text in vocab.ANOMALY_TEXTS.items())
    files = "\n".join(f"| `{code}` | {text} |" for code, text in vocab.FILE_ANOMALIES.items())
    return f"""{NOTE}
# Codes

Codes are stable: one never changes its meaning and is never used again.

## Reasons

Why a packet was not accepted, or why conntrack calls it invalid or lets it through without a look (column `reason`).

| code | meaning |
|---|---|
{reasons}

## Anomalies

Oddities of a frame or packet (column `anomalies`). They are counted; on their own they change no verdict.

| code | meaning |
|---|---|
{anomalies}

Oddities of a capture file (`anomalies` of a file in `summary.json`). With `--strict` they are errors.

| code | meaning |
|---|---|
{files}
"""


def findings_page() -> str:
    """What every detector's docstring says."""
    described = sorted((describe(each) for each in DETECTORS), key=lambda each: each.code)
    rows = "\n".join(f"| [`{each.code}`](#{each.code}) | {each.severity} | {each.title} |" for each in described)
    parts = "\n".join(
        f"## {each.code}\n\n{each.title} Worst severity: {each.severity}.\n\n"
        + "".join(f"**{name}.** {text}\n\n" for name, text in each.sections.items()).rstrip("\n")
        + "\n"
        + _thresholds(each.thresholds)
        for each in described
    )
    return f"""{NOTE}
# Findings

What is wrong in the traffic, ranked, with a count, a first example, numbers and what to do; one finding for one cause. `pcapaudit audit`
reports them, `pcapaudit findings show CODE` explains one. Codes are stable: one never changes its meaning and is never used again.
[Selection, thresholds and suppressions](selection.md) say which of them are reported.

| code | worst severity | meaning |
|---|---|---|
{rows}

{parts}"""


def _thresholds(thresholds: dict[str, tuple[float, str]]) -> str:
    """The numbers that a configuration file may change."""
    rows = "".join(f"| `{name}` | {default:g} | {what} |\n" for name, (default, what) in thresholds.items())
    return f"\n| threshold | default | meaning |\n|---|---|---|\n{rows}" if rows else ""


def lints_page() -> str:
    """The kinds of lints, from their table."""
    rows = "\n".join(f"| [`{each.code}`](#{each.code}) | {each.severity} | {each.title} |" for each in LINTS.values())
    parts = "\n".join(
        f"## {each.code}\n\n{each.title} Severity: {each.severity}.\n\n**Why it matters.** {each.why}\n\n"
        f"**Example.**\n\n```nft\n{each.example}\n```\n\n**What to do.** {each.advice[0].upper()}{each.advice[1:]}.\n\n"
        f"**Source.** {each.source}\n"
        for each in LINTS.values()
    )
    return f"""{NOTE}
# Lints

What stands in a ruleset as nobody can have meant it. `pcapaudit rules check` looks for it. A lint holds for every packet that there can be
and is never a guess: where the analysis cannot be certain (named sets that somebody may change, marks that rules set, limits), it says
nothing. With `--capture` each lint says how many packets of a capture met its rule. Codes are stable.

| code | severity | meaning |
|---|---|---|
{rows}

{parts}"""


def constructs_page() -> str:
    """What is supported, tried out."""
    parts = []
    for title, found in rows().items():
        lines = "\n".join(f"| `{construct}` | {status} | {note} |" for construct, status, note in found)
        parts.append(f"## {title}\n\n| construct | status | note |\n|---|---|---|\n{lines}\n")
    body = "\n".join(parts)
    return f"""{NOTE}
# What of the rules' languages is supported

| status | meaning |
|---|---|
| supported | evaluated, as Linux does it |
| no effect | read, and changes nothing that is computed here |
| undecidable | read; no capture tells how it comes out, so what depends on it is marked undecidable, with the rule's place |
| refused | not understood: the file is refused, with the place; `--unsupported undecidable` takes the rule as undecidable |

Every row is an example that was read and compiled. Where the topology is only assumed (no zones given), interfaces other than the assumed
ones, and everything about routing, are undecidable too.

{body}"""


_LOOKS = (("timers", "setting"), ("switches", "setting"), ("helpers", "setting"), ("settings", "setting"), ("probe", "probe"))


def requirements_page() -> str:
    """Every requirement, and how it is looked at."""
    parts = []
    for standard in map(load_standard, STANDARDS):
        lines = "\n".join(f"| {each.id} | {each.section} | {each.level} | {each.text} | {_how(each)} |" for each in standard.requirements)
        parts.append(
            f"## RFC {standard.number}: {standard.title}\n\n{standard.status}, {standard.year}.\n\n"
            f"| id | section | level | what it asks for, in our words | looked at by |\n|---|---|---|---|---|\n{lines}\n"
        )
    body = "\n".join(parts)
    return f"""{NOTE}
# Requirements of the RFCs

What `pcapaudit rfc` holds rulesets and settings against ([how](rfc.md)).

{body}"""


def _how(each: Requirement) -> str:
    """The kinds of evidence that there may be for a requirement; a NAT's trials read the statement that translates."""
    found = dict.fromkeys(
        "setting" if name == "probe" and each.probe in NAT_PROBES else kind for name, kind in _LOOKS if getattr(each, name)
    )
    if each.want or each.flows or each.errors or each.facts or each.timers:
        found["capture"] = None
    return ", ".join(found) or "nothing"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "codes.md": codes_page,
    "findings.md": findings_page,
    "lints.md": lints_page,
    "constructs.md": constructs_page,
    "requirements.md": requirements_page,
}

if __name__ == "__main__":
    sys.exit(main())
