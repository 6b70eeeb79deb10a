"""``--coverage`` and ``--fail-under`` of audit and test."""

from __future__ import annotations

import pytest
from office import CAPTURE, RULES
from suite_texts import write

from pcapaudit.cli.main import run

SUITE = "expect: [{flow: '*'}]\n"


def test_audit(tmp_path, capsys):
    """The report on stdout, files where they are asked for."""
    arguments = [
        "audit",
        CAPTURE,
        "--rules",
        RULES,
        "--fail-on",
        "never",
        "--coverage",
        "text",
        "--coverage",
        f"lcov={tmp_path / 'x.info'}",
    ]
    assert run(arguments) == 0
    printed = capsys.readouterr()
    assert "rules reached" in printed.out
    assert "never reached: " in printed.out
    assert f"wrote {tmp_path / 'x.info'}" in printed.err
    assert (tmp_path / "x.info").read_text().startswith(f"TN:pcapaudit\nSF:{RULES}\n")


def test_suites_are_merged(tmp_path, capsys):
    """One report over all of them; a suite that cannot be run counts nothing."""
    write(tmp_path, SUITE, "a.audit.yaml")
    write(tmp_path, SUITE, "b.audit.yaml")
    write(tmp_path, "bogus: 1\n", "c.audit.yaml")
    assert run(["test", str(tmp_path), "--coverage", "text"]) == 2
    assert "evidence: 488 frames in 2 runs" in capsys.readouterr().out


@pytest.mark.parametrize(("least", "code"), [("1", 0), ("99.5", 1)])
def test_fail_under(tmp_path, capsys, least, code):
    """Exit code 1, and why."""
    assert run(["test", str(write(tmp_path, SUITE)), "--fail-under", least]) == code
    assert run(["audit", CAPTURE, "--rules", RULES, "-q", "--fail-on", "never", "--fail-under", least]) == code
    assert ("--fail-under asks for 99.5 %" in capsys.readouterr().err) is (code == 1)


@pytest.mark.parametrize(("text", "message"), [("pdf", "expected FORM or FORM=FILE"), ("html=", "expected a file behind '='")])
def test_forms_that_make_no_sense(capsys, text, message):
    """Said before anything is read."""
    assert run(["audit", "nowhere.pcap", "--coverage", text]) == 2
    assert message in capsys.readouterr().err
