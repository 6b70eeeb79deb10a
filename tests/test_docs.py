"""The documentation is what the tool does: pages made from the code are fresh, shown output is real, every code is explained."""

from __future__ import annotations

import re
import shlex
import sys
from typing import get_args

import pytest
from checkout import ROOT, relative
from interpreter import pcapaudit_command

from pcapaudit.core import vocab
from pcapaudit.findings.registry import DETECTORS
from pcapaudit.rules import parse_ruleset
from pcapaudit.rules.iptables.matches import MATCHES
from pcapaudit.rules.iptables.stateful import STATEFUL
from pcapaudit.rules.iptables.targets import TARGETS
from pcapaudit.rules.model import Recent, Statement, Unsupported
from pcapaudit.rules.nft.actions import ACTIONS

sys.path.append(str(ROOT / "docs"))
import constructs
import make

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def shown_commands():
    """(page, command line, output) of every ``$ pcapaudit ...`` in a console block."""
    for page in PAGES:
        for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, _, output = part.partition("\n")
                yield pytest.param(command, output, id=f"{relative(page)}: {command}")


@pytest.mark.parametrize("name", make.PAGES)
def test_page_is_what_the_code_says(name):
    """Pages made from the code: run ``python docs/make.py`` after a change."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == make.PAGES[name]()


def test_every_construct_has_its_example():
    """What the readers know is in the table: iptables' matches and targets, nft's actions and kinds of statements."""
    assert set(constructs.MATCHES) == {*MATCHES, *STATEFUL, "comment"}
    assert set(constructs.TARGETS) == set(TARGETS)
    texts = " ".join(f"{name} {lines} {rule}" for name, (lines, rule) in constructs.STATEMENTS.items())
    assert set(re.findall(r"[a-z]+", texts)) >= {*ACTIONS, "interval", "timeout", "dynamic"}
    found = set()
    for lines, rule in constructs.STATEMENTS.values():
        ruleset = parse_ruleset(constructs.nft_text(lines, rule))
        for chain in ruleset.tables[0].chains:
            found |= {type(each) for rule in chain.rules for each in rule.statements}
    assert found >= {*get_args(Statement)} - {Recent, Unsupported}


@pytest.mark.parametrize(("command", "output"), list(shown_commands()))
def test_shown_output_is_what_the_tool_prints(command, output):
    """A console block shows stdout, to the letter, at 100 columns."""
    program, *arguments = shlex.split(command)
    assert program == "pcapaudit"
    done = pcapaudit_command(*arguments)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.rstrip("\n") == output.rstrip("\n")


def test_readme_shows_the_help():
    """The first thing that a person types is in the README."""
    readme = PAGES[0].read_text(encoding="utf-8")
    assert "$ pcapaudit --help\n" in readme


def test_every_command_and_option_is_documented():
    """Each command has its section, and each of its options stands there."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for path, command in make.walk(make.cli, ("pcapaudit",)):
        section = sections[" ".join(path)]
        options = [
            option for each in command.params if not getattr(each, "hidden", False) for option in each.opts if option.startswith("-")
        ]
        assert [option for option in options if option not in section] == []


def test_every_reason_and_anomaly_is_documented():
    """A code that is shown can be looked up."""
    page = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    codes = [code for code in (*vocab.REASONS.values(), *vocab.ANOMALIES.values()) if code]
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_every_finding_is_documented():
    """A section a code."""
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert [each.code for each in DETECTORS if f"\n## {each.code}\n" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    """Every relative link names a file of the repository."""
    text = page.read_text(encoding="utf-8")
    assert [target for target in LINK.findall(text) if not (page.parent / target).exists()] == []
