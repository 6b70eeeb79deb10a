"""Announced and never opened."""

from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only
from scenes import tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig

FTP = ConntrackConfig().with_helper("ftp")

SAID = session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n")
LATER = (1000, udp("10.0.0.1:1", "192.0.2.1:2"))


def unused(packets, **more):
    """The findings of this code."""
    return [each for each in findings_in(packets, **more) if each.code == "expectation-unused"]


def test_nobody_came():
    """Its time was over."""
    found = only(unused([*SAID, LATER], config=FTP))
    assert found.message == "1 connection announced by ftp and opened by nobody, the first to tcp port 5001."
    assert (found.first_frame, found.flow) == (len(SAID) - 1, 1)


def test_somebody_came_or_the_capture_ended():
    """Used, or perhaps to be used; without a helper there was no way to stand open."""
    assert not unused([*SAID, (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S")), LATER], config=FTP)
    assert not unused(SAID, config=FTP)
    assert not unused([*SAID, LATER])
