"""SARIF, held against the schema of the standard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, nothing, report

from pcapaudit.report.ci import sarif

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


@pytest.mark.parametrize("made", [report(), nothing(), report(captures=[], checks=())], ids=["found", "nothing", "no checks"])
def test_log_is_valid(made):
    """Whatever was found."""
    VALIDATOR.validate(json.loads(sarif.render(made)))


def test_schema_can_fail():
    """The check itself."""
    log = json.loads(sarif.render(report()))
    log["runs"][0]["results"][0]["level"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(log)


def test_result_stands_at_the_rule_and_shows_its_packets():
    """The rule annotates the pull request; packets are related places in the capture."""
    run = json.loads(sarif.render(report(AT_RULE, AT_CAPTURE, NOWHERE)))["runs"][0]
    rule, capture, nowhere = run["results"]
    assert rule["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "fire,%20wall/my%20fw.nft"},
        "region": {"startLine": 12},
    }
    assert rule["ruleIndex"] == 1
    assert run["tool"]["driver"]["rules"][1]["id"] == "tcp-out-of-window"
    assert rule["partialFingerprints"] == {"pcapauditResult/v1": AT_RULE.fingerprint}
    assert [each["message"]["text"] for each in rule["relatedLocations"]] == [text for _, text in AT_RULE.examples]
    assert rule["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "office.pcap"
    assert "region" not in capture["locations"][0]["physicalLocation"]
    assert nowhere["locations"] == []
    assert (rule["level"], capture["level"]) == ("error", "note")


def test_several_captures_have_no_related_places():
    """Frames are counted through all of them."""
    run = json.loads(sarif.render(report(AT_RULE, captures=["a.pcap", "b.pcap"])))["runs"][0]
    assert "relatedLocations" not in run["results"][0]
    assert [each["location"]["uri"] for each in run["artifacts"]] == ["a.pcap", "b.pcap"]


def test_limits_of_github_hold(monkeypatch):
    """The worst come first; what is left out is said."""
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    monkeypatch.setattr(sarif, "MAX_PLACES", 2)
    log = json.loads(sarif.render(report(AT_RULE, AT_CAPTURE, NOWHERE)))
    VALIDATOR.validate(log)
    run = log["runs"][0]
    assert [each["ruleId"] for each in run["results"]] == ["tcp-out-of-window", "udp-hole-punch"]
    assert len(run["results"][0]["relatedLocations"]) == 1
    assert "1 results" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


@settings(max_examples=25)
@given(st.text(max_size=30))
def test_property_any_text_makes_a_valid_log(text):
    """Names of files and messages are a stranger's."""
    VALIDATOR.validate(json.loads(sarif.render(report(replace(AT_RULE, message=text, path=text), captures=[text]))))
