"""One object a line."""

import json

from sample_notices import AT_RULE, NOWHERE, report

from pcapaudit.report.ci.json_lines import render


def test_object_holds_all_of_a_notice():
    """Absent things are null, not empty or 0."""
    first, second = map(json.loads, render(report(AT_RULE, NOWHERE)).splitlines())
    assert first["path"] == "fire, wall/my fw.nft"
    assert first["examples"][1] == {"frame": 9, "text": "frame 9: the next"}
    assert first["fingerprint"] == AT_RULE.fingerprint
    assert (second["path"], second["line"], second["first_frame"]) == (None, None, None)
