"""Logging commands."""

from dataclasses import replace

from sample_notices import AT_RULE, NOWHERE, report

from pcapaudit.report.ci.azure import render


def test_command_has_type_place_and_code():
    """What would end a property is escaped; all that is no error is a warning."""
    odd = replace(AT_RULE, path="a;b]c%d")
    error, warning = render(report(odd, NOWHERE)).splitlines()
    head = "##vso[task.logissue type=error;sourcepath=a%3Bb%5Dc%AZP25d;linenumber=12;code=tcp-out-of-window;]"
    assert error == head + AT_RULE.message
    assert warning == "##vso[task.logissue type=warning;code=udp-hole-punch;]Another."
