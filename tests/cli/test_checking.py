"""What ``rules check`` finds, in each of its forms."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT

from pcapaudit.cli.checking import check_files, failing, json_of, report_of, text_of
from pcapaudit.core.errors import Diagnostic, RulesetError
from pcapaudit.report.ci.notice import Level

RULES = """table inet t {
	chain c {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		meta l4proto udp accept
		udp dport 53 drop
		udp dport 54 drop
		meta l4proto tcp accept }
}
"""


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """The ruleset above, checked over a capture."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.nft").write_text(RULES)
    return check_files(("x.nft",), (str(ROOT / "captures" / "dns.pcap"),))


def test_text_has_place_line_caret_and_advice(checked):
    """Warnings of stock nft first, then lints, then how much there is."""
    lines = text_of(checked).splitlines()
    assert lines[0].startswith('x.nft:8:27: warning: stock nft wants a line end or ";" before this "}"')
    at = next(index for index, line in enumerate(lines) if "[shadowed-rule]" in line)
    assert lines[at].startswith("x.nft:6:3: medium: covered by line 5: meta l4proto udp accept [shadowed-rule] (0 packets of the capture)")
    assert lines[at + 1 : at + 4] == ["    \t\tudp dport 53 drop", "    \t\t^", "    move it in front of the other rule, or remove it"]
    assert lines[-1] == "1 tables, 1 chains, 5 rules, 2 lints"


def test_json_has_evidence(checked):
    """Numbers of the capture: packets that met the rule, and the one that covers it."""
    found = json.loads(json_of(checked))
    assert (found["version"], found["errors"], len(found["warnings"])) == (1, [], 1)
    first = found["lints"][0]
    assert (first["code"], first["line"], first["other"]["line"]) == ("shadowed-rule", 6, 5)
    assert first["evidence"]["packets"] == 0
    assert first["evidence"]["packets_of_other"] > 0
    assert 0 < first["evidence"]["packets_of_other"] <= found["packets"]


def test_json_of_errors(checked):
    """With everything that a diagnostic has."""
    (error,) = json.loads(json_of(checked, [Diagnostic("x", 1, 2, "wrong", "right", "text")]))["errors"]
    assert error == {"path": "x", "line": 1, "column": 2, "message": "wrong", "advice": "right", "source": "text", "width": 1}


def test_report_stands_at_the_rules(checked):
    """For SARIF and the other forms."""
    report = report_of(checked, "medium")
    assert (report.command, report.failed, report.headline) == ("rules check", True, "2 lints.")
    assert [(each.path, each.line, each.level, each.failing) for each in report.notices] == [
        ("x.nft", 6, Level.WARNING, True),
        ("x.nft", 7, Level.WARNING, True),
    ]
    assert {each.code for each in report.notices} <= {each.code for each in report.checks}
    assert not report_of(checked, "high").failed


def test_failing(checked):
    """At or above."""
    assert [failing(checked, each) for each in ("low", "medium", "high", "never")] == [True, True, False, False]


def test_ruleset_that_cannot_be_used(tmp_path):
    """Every complaint at once."""
    (tmp_path / "x.nft").write_text(RULES.replace("drop\n", "drup\n"))
    with pytest.raises(RulesetError) as caught:
        check_files((str(tmp_path / "x.nft"),))
    assert [each.line for each in caught.value.diagnostics] == [6, 7]
