"""A line a result."""

from sample_notices import AT_CAPTURE, AT_RULE, NOWHERE, report

from pcapaudit.report.ci.concise import render


def test_line_begins_with_the_place():
    """So that an editor jumps to it; a line break in a message does not break the line."""
    lines = render(report(AT_RULE, AT_CAPTURE, NOWHERE)).splitlines()
    assert lines[0] == f"fire, wall/my fw.nft:12: tcp-out-of-window high {AT_RULE.message} (frame 7)"
    assert lines[1].startswith("office.pcap: udp-hole-punch low A path was | opened")
    assert lines[2] == "udp-hole-punch info Another."
    assert lines[3] == "3 findings."
