"""FTP over TLS."""

from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only
from scenes import INSIDE_OUT, tcp

from pcapaudit.conntrack.config import ConntrackConfig

FTP = ConntrackConfig().with_helper("ftp")

RULES = INSIDE_OUT.replace('iifname "inside" ct state new', "tcp dport 21")
SECRET = session("AUTH TLS\r\n", "234 Proceed with negotiation.\r\n", "\x16\x03\x01PORT", "227 (192,0,2,1,1,1)\r\n")
DATA = (9, tcp("10.0.0.1:3001", "192.0.2.1:40000", "S"))


def secrets(packets, **more):
    """The findings of this code."""
    return [each for each in findings_in(packets, RULES, **more) if each.code == "encrypted-control-channel"]


def test_channel_goes_on_over_tls():
    """A fact as long as nothing is refused behind it; with a helper it says so."""
    found = only(secrets(SECRET))
    assert (found.message, str(found.severity)) == ("1 FTP channel of 192.0.2.1:21 went on over TLS.", "info")
    assert "the helper that it has cannot read it" in only(secrets(SECRET, config=FTP)).message


def test_refused_behind_it():
    """The data connection, retried."""
    found = only(secrets([*SECRET, DATA, (12, DATA[1])]))
    assert (found.evidence["refused_afterwards"], str(found.severity)) == (2, "medium")


def test_refused_or_in_clear():
    """The server does not know TLS; other hosts have nothing to do with it."""
    assert not secrets(session("AUTH TLS\r\n", "502 what?\r\n", "PORT 10,0,0,1,1,1\r\n", "234 x\r\n")[:-1])
    assert not secrets(session("NOOP\r\n", "234 x\r\n"))
    found = only(secrets([*SECRET, (9, tcp("10.0.0.1:3001", "192.0.2.9:40000", "S"))]))
    assert found.evidence["refused_afterwards"] == 0
