"""JUnit XML, held against the schema of Jenkins' xunit plug-in."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, nothing, report

from pcapaudit.report.ci.junit import render

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))


@pytest.mark.parametrize("made", [report(), nothing(), report(command="diff", checks=())], ids=["found", "nothing", "no checks"])
def test_document_is_valid(made):
    """Whatever was found."""
    SCHEMA.validate(render(made))


def test_every_check_is_a_case():
    """Failed where something fails; what does not fail stands in the output of a passed case."""
    suites = ElementTree.fromstring(render(report(AT_RULE, replace(AT_RULE, severity="critical"), AT_CAPTURE, NOWHERE)))
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    assert list(cases) == ["land", "tcp-out-of-window", "udp-hole-punch"]
    assert suites.get("failures") == "1"
    assert len(cases["land"]) == 0
    failure = cases["tcp-out-of-window"].find("failure")
    assert failure.get("message").startswith("2 results, the worst: 192.0.2.1:443 sent")
    assert "fire, wall/my fw.nft:12: high\n" in failure.text
    output = cases["udp-hole-punch"].find("system-out").text
    assert "<b>by</b> \ufffd `x`" in output
    assert "Another." in output


@given(st.text(max_size=30))
def test_property_any_text_makes_a_document(text):
    """Also what XML cannot hold."""
    ElementTree.fromstring(render(report(replace(AT_RULE, message=text, path=text), subject=text)))
