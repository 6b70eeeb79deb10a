"""Listing and explaining findings."""

from __future__ import annotations

import pytest
from interpreter import pcapaudit_command, python

from pcapaudit.findings.registry import DETECTORS, SECTIONS, describe


def test_list_names_every_code():
    """A line each, by code."""
    done = pcapaudit_command("findings", "list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(each.code for each in DETECTORS)
    assert all(describe(each).title in done.stdout for each in DETECTORS)


@pytest.mark.parametrize("code", [each.code for each in DETECTORS][:1])
def test_show_explains_a_code(code):
    """Every section of its docstring."""
    done = pcapaudit_command("findings", "show", code)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{code} (")
    assert all(f"\n{section}:\n" in done.stdout for section in SECTIONS)


def test_unknown_code_is_an_error():
    """And says where the codes are."""
    done = pcapaudit_command("findings", "show", "no-such-code")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no finding has the code no-such-code: 'pcapaudit findings list' shows them all." in done.stderr


def test_help_loads_nothing_heavy():
    """--help of the group and its commands."""
    script = (
        "import sys; from pcapaudit.cli.main import run; [run(['findings', *each, '--help']) for each in ([], ['list'], ['show'])];"
        "print(sorted({'numpy', 'rich', 'lark', 'dpkt'} & set(sys.modules)), file=sys.stderr)"
    )
    assert python("-c", script).stderr.strip() == "[]"
