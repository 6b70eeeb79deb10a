"""Workflow commands."""

from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, report

from pcapaudit.report.ci.github import render


def test_command_has_level_place_and_text():
    """Commas and colons of a property, line ends and percent signs everywhere are escaped; examples follow the message."""
    error, capture, nowhere = render(report(AT_RULE, AT_CAPTURE, NOWHERE)).splitlines()
    assert error.startswith("::error title=pcapaudit (tcp-out-of-window),file=fire%2C wall/my fw.nft,line=12::192.0.2.1:443 sent ")
    assert "50 %25 beyond; refused.%0ALook for a second path: a, b.%0Aframe 7: tcp" in error
    assert capture.startswith("::notice title=pcapaudit (udp-hole-punch),file=office.pcap::A path%0Awas")
    assert nowhere == "::notice title=pcapaudit (udp-hole-punch)::Another.%0ANothing to do."
