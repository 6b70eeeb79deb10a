"""reviewdog's JSON."""

import json

from sample_notices import AT_RULE, NOWHERE, report

from pcapaudit.report.ci.rdjson import render


def test_diagnostic_has_place_severity_and_code():
    """Without a line there is no range."""
    made = json.loads(render(report(AT_RULE, NOWHERE)))
    first, second = made["diagnostics"]
    assert made["source"]["name"] == "pcapaudit"
    assert first["location"] == {"path": "fire, wall/my fw.nft", "range": {"start": {"line": 12, "column": 1}}}
    assert (first["severity"], first["code"]["value"]) == ("ERROR", "tcp-out-of-window")
    assert (second["location"], second["severity"]) == ({"path": ""}, "INFO")
