"""As pylint prints it."""

from dataclasses import replace

from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, report

from pcapaudit.report.ci.pylint import render


def test_line_has_path_line_and_code():
    """Readers of the form need a path and a line: something stands in for them."""
    rule, capture, nowhere, frame = render(report(AT_RULE, AT_CAPTURE, NOWHERE, replace(NOWHERE, first_frame=4))).splitlines()
    assert rule == f"fire, wall/my fw.nft:12: [tcp-out-of-window] {AT_RULE.message}"
    assert capture.startswith("office.pcap:1: [udp-hole-punch] A path was |")
    assert nowhere == "pcapaudit:1: [udp-hole-punch] Another."
    assert frame == "frame-4:1: [udp-hole-punch] Another."
