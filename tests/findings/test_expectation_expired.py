"""Data connections that came too late."""

from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only
from scenes import tcp

from pcapaudit.conntrack.config import ConntrackConfig

FTP = ConntrackConfig().with_helper("ftp")

SAID = session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n")


def late(after, source="192.0.2.1:20", **more):
    """The findings of this code when the data connection comes so many seconds after the session's start."""
    packets = [*SAID, (after, tcp(source, "10.0.0.1:5001", "S"))]
    return [
        each
        for each in findings_in(packets, config=more.get("config", FTP) if "config" not in more or more["config"] else None)
        if each.code == "expectation-expired"
    ]


def test_six_minutes_later():
    """The helper gave it five."""
    found = only(late(360))
    assert found.message.startswith("1 packet began connections that ftp had announced and that were no longer expected, up to 360 s after")
    assert (str(found.severity), found.evidence["helper"]) == ("medium", "ftp")


def test_in_time_too_late_or_somebody_else():
    """Two hours later nobody remembers; another host was never meant; without a helper nothing was expected."""
    assert not late(299)
    assert not late(7500)
    assert not late(360, source="192.0.2.9:20")
    assert not late(360, config=None)
