"""Strangers at an announced port."""

from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only
from scenes import ACCEPT_ALL, INSIDE_OUT, tcp

from pcapaudit.conntrack.config import ConntrackConfig

FTP = ConntrackConfig().with_helper("ftp")

SAID = session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n")


def strangers(source, rules=INSIDE_OUT, after=1):
    """The findings of this code."""
    packets = [*SAID, (after, tcp(source, "10.0.0.1:5001", "S"))]
    return [each for each in findings_in(packets, rules, config=FTP) if each.code == "related-from-other-host"]


def test_stranger():
    """Refused: somebody should look. Let in: worse."""
    found = only(strangers("198.51.100.9:4444"))
    assert found.message == (
        "198.51.100.9 began 1 connection to a port that was announced for 192.0.2.1, the first to 10.0.0.1:5001; refused."
    )
    assert str(found.severity) == "medium"
    assert str(only(strangers("198.51.100.9:4444", ACCEPT_ALL)).severity) == "high"


def test_owner_and_late_comers():
    """Whom it was announced for, and whoever comes when nothing is expected."""
    assert not strangers("192.0.2.1:20")
    assert not strangers("198.51.100.9:4444", after=301)
