"""Reports for CI servers, from ``--report`` on."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command
from sample_notices import report

from pcapaudit.cli.reporting import audit_report, checks, hand_out, wanted_reports, write_text
from pcapaudit.core.errors import ConfigError, OutputError
from pcapaudit.findings.registry import DETECTORS

OFFICE = str(ROOT / "captures" / "office.pcapng")
WEB = str(ROOT / "captures" / "web.pcap")
BLOCKING = "table inet f {\n  chain forward {\n    type filter hook forward priority 0; policy drop;\n  }\n}\n"


def test_report_names_a_form_and_maybe_a_file():
    """A dash is stdout."""
    assert wanted_reports(["sarif=a=b.sarif", "concise", "junit=x.xml"]) == [("sarif", "a=b.sarif"), ("concise", None), ("junit", "x.xml")]
    assert wanted_reports(["concise=-"]) == [("concise", None)]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["serif"], "--report serif: expected FORM or FORM=FILE, where FORM is one of concise, grouped, "),
        (["junit="], "--report junit=: expected a file behind '='"),
        (["junit", "sarif"], "only one report can go to stdout: give the others files, such as sarif=FILE"),
    ],
)
def test_nonsense_is_explained(given, complaint):
    """What was given, what is possible."""
    with pytest.raises(ConfigError, match=complaint.replace("(", r"\(")):
        wanted_reports(given)


def test_every_detector_is_a_check():
    """By code, with what its documentation says."""
    made = checks()
    assert [each.code for each in made] == sorted(each.code for each in DETECTORS)
    assert all(each.title and each.source and "**Why it matters**" in each.help for each in made)


def test_files_are_written_and_one_report_printed(tmp_path, capsys):
    """Notes on stderr; nothing but files when quiet."""
    file = tmp_path / "a.xml"
    assert hand_out([("junit", str(file)), ("concise", None)], report(), quiet=False)
    out, err = capsys.readouterr()
    assert out.startswith("fire, wall")
    assert err == f"pcapaudit: wrote {file}\n"
    assert file.read_text().startswith("<?xml")
    assert not hand_out([("junit", str(file)), ("concise", None)], report(), quiet=True)
    assert capsys.readouterr() == ("", "")


def test_folder_that_is_not_there_is_an_error(tmp_path):
    """And leaves nothing."""
    with pytest.raises(OutputError):
        write_text(tmp_path / "no" / "a", "text")
    assert list(tmp_path.iterdir()) == []


def test_audit_report_has_the_findings_of_the_summary():
    """What ``--summary json`` prints, as a report."""
    summary = json.loads(pcapaudit_command("audit", OFFICE, "--summary", "json").stdout)
    made = audit_report(summary, "medium")
    assert [each.code for each in made.notices] == [each["code"] for each in summary["violations"]["found"]]
    assert made.failed


def test_audit_prints_a_report_in_place_of_the_summary(tmp_path):
    """And writes others; the exit code stays."""
    sarif = tmp_path / "a.sarif"
    done = pcapaudit_command("audit", OFFICE, "--report", "concise", "--report", f"sarif={sarif}")
    assert done.returncode == 1
    assert ": unsolicited-reply high " in done.stdout
    assert "Verdict" not in done.stdout
    assert f"wrote {sarif}" in done.stderr
    assert json.loads(sarif.read_text())["version"] == "2.1.0"


def test_diff_annotates_the_new_rule(tmp_path):
    """The policy that blocks now, at its line."""
    new = tmp_path / "new.nft"
    new.write_text(BLOCKING)
    done = pcapaudit_command("diff", "default", str(new), WEB, "--report", "github")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"::error title=pcapaudit (newly-blocked),file={new},line=3::Newly blocked: 30 packets")


def test_wrong_report_reads_no_capture():
    """It is found out first."""
    done = pcapaudit_command("audit", "no-such.pcap", "--report", "serif")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--report serif" in done.stderr


@pytest.mark.parametrize("command", [("audit", OFFICE), ("diff", "default", "default", OFFICE)])
@pytest.mark.parametrize("form", ["sarif", "junit", "gitlab", "markdown"])
def test_same_input_same_bytes(command, form):
    """Whatever the hash seed."""
    one, other = (pcapaudit_command(*command, "--report", form, "--seed", seed, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one.stdout == other.stdout != ""
