"""Results by file."""

from dataclasses import replace

from sample_notices import AT_RULE, NOWHERE, report

from pcapaudit.report.ci.grouped import render


def test_notices_stand_under_their_file_by_line():
    """Files in order, one without a file first, columns aligned."""
    earlier = replace(AT_RULE, line=3, code="land", severity="low", message="Same.")
    assert render(report(AT_RULE, earlier, NOWHERE)) == (
        "no file:\n"
        "     info      udp-hole-punch  Another.\n"
        "\n"
        "fire, wall/my fw.nft:\n"
        "   3  low       land               Same.\n"
        f"  12  high      tcp-out-of-window  {AT_RULE.message}\n"
        "\n"
        "3 findings.\n"
    )
