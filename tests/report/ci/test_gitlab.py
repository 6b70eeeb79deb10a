"""GitLab's code quality report."""

import json

from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, report

from pcapaudit.report.ci.gitlab import render


def test_entry_has_what_gitlab_needs():
    """Path, line, severity in its words, a description without line breaks."""
    first, second, third = json.loads(render(report(AT_RULE, AT_CAPTURE, NOWHERE)))
    assert first["location"] == {"path": "fire, wall/my fw.nft", "lines": {"begin": 12}}
    assert first["severity"] == "critical"
    assert "\n" not in second["description"]
    assert third["location"] == {"path": "office.pcap", "lines": {"begin": 1}}


def test_fingerprints_differ():
    """GitLab drops an entry whose fingerprint it has seen."""
    entries = json.loads(render(report(AT_RULE, AT_RULE, AT_RULE)))
    assert len({each["fingerprint"] for each in entries}) == 3
    assert entries[0]["fingerprint"] == AT_RULE.fingerprint


def test_standard_input_has_a_path_too():
    """A capture without a name."""
    assert json.loads(render(report(NOWHERE, captures=[])))[0]["location"]["path"] == "pcapaudit"
