"""Options and configuration files: which is read, what wins, and what the summary then says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkout import ROOT

from pcapaudit.api.selecting import selection_of
from pcapaudit.cli.exits import Exit
from pcapaudit.cli.main import run
from pcapaudit.cli.options import FindingOptions
from pcapaudit.core.errors import ConfigError

OFFICE = str(ROOT / "captures" / "office.pcapng")
SUPPRESS = '[[findings.suppress]]\ncode = "unsolicited-inbound"\nreason = "our scanner"\nexpires = {}\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A working directory without any file."""
    monkeypatch.chdir(tmp_path)


def test_nothing_given():
    """Everything is reported."""
    selection = selection_of(FindingOptions())
    assert (selection.select, selection.ignore, selection.suppressions) == (("ALL",), (), ())


def test_files_of_the_working_directory(tmp_path):
    """pcapaudit.toml before pyproject.toml, each only with a table for findings."""
    (tmp_path / "pyproject.toml").write_text('[tool.pcapaudit.findings]\nignore = ["land"]\n')
    assert selection_of(FindingOptions()).ignore == ("land",)
    (tmp_path / "pcapaudit.toml").write_text('[findings]\nignore = ["tcp"]\n')
    assert selection_of(FindingOptions()).ignore == ("tcp",)
    (tmp_path / "pcapaudit.toml").write_text("")
    assert selection_of(FindingOptions()).ignore == ("land",)
    (tmp_path / "other.toml").write_text('[findings]\nignore = ["udp"]\n')
    assert selection_of(FindingOptions(config="other.toml")).ignore == ("udp",)


def test_options_over_the_file(tmp_path):
    """--ignore adds, --select begins anew."""
    (tmp_path / "pcapaudit.toml").write_text('[findings]\nselect = ["tcp"]\nignore = ["land"]\n')
    added = selection_of(FindingOptions(ignore=("udp, syn-flood",)))
    assert (added.select, added.ignore) == (("tcp",), ("land", "udp", "syn-flood"))
    anew = selection_of(FindingOptions(select=("ALL",), ignore=("udp",)))
    assert (anew.select, anew.ignore) == (("ALL",), ("udp",))


WRONG = {
    "no file": ({"config": "none.toml"}, "--config none.toml: cannot be read: No such file"),
    "no table": ({"config": "empty.toml"}, "--config empty.toml: it has no table [findings]; expected one"),
    "no text": ({"config": "bytes.toml"}, "--config bytes.toml: byte 0 is not UTF-8 text"),
    "no code": ({"select": ("land,lnd",)}, "--select: lnd is no code and no beginning of one; did you mean land?"),
    "an empty code": ({"ignore": ("land,",)}, "--ignore: nothing is no code and no beginning of one"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong(tmp_path, options, message):
    """Named with the option."""
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError) as caught:
        selection_of(FindingOptions(**options))
    assert str(caught.value).startswith(message)


def audit(capsys, *options):
    """Exit code, the findings of the summary, the text."""
    code = run(["audit", "--summary", "json", "-q", "-o", "out", OFFICE, *options])
    summary = json.loads(Path("out/summary.json").read_text())["violations"]
    run(["audit", OFFICE, "--no-progress", *options])
    return code, summary, capsys.readouterr().out


def test_selected_findings_count_alone(capsys):
    """The rest is a number, and does not fail the run."""
    code, summary, text = audit(capsys, "--select", "land")
    assert (code, summary["found"], summary["not_selected"]) == (Exit.CLEAN, [], 8)
    assert text.endswith("\nNo findings. 8 not selected.\n")


def test_suppressed_findings_are_counted(tmp_path, capsys):
    """With the reason, and where it stands."""
    (tmp_path / "pcapaudit.toml").write_text(SUPPRESS.format("2999-12-31"))
    code, summary, text = audit(capsys)
    assert code == Exit.FOUND
    assert summary["suppressed"] == [
        {
            "code": "unsolicited-inbound",
            "address": None,
            "reason": "our scanner",
            "expires": "2999-12-31",
            "at": "pcapaudit.toml:1",
            "findings": 2,
        }
    ]
    assert "unsolicited-inbound" not in {each["code"] for each in summary["found"]}
    assert text.endswith(" 2 suppressed.\n")


def test_expired_suppression_is_reported(tmp_path, capsys):
    """It takes nothing, and is named below."""
    (tmp_path / "pcapaudit.toml").write_text(SUPPRESS.format("2001-01-01"))
    _, summary, text = audit(capsys)
    assert (summary["suppressed"], [each["at"] for each in summary["expired"]]) == ([], ["pcapaudit.toml:1"])
    assert text.rstrip("\n").endswith("The suppression of unsolicited-inbound at pcapaudit.toml:1 held until 2001-01-01: our scanner")
