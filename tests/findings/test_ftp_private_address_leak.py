"""Private addresses inside packets from public ones."""

from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only


def leaks(packets):
    """The findings of this code."""
    return [each for each in findings_in(packets) if each.code == "ftp-private-address-leak"]


def test_server_behind_a_nat():
    """227 with an address of its own network."""
    found = only(leaks(session("PASV\r\n", "227 Entering Passive Mode (192,168,1,5,195,80)\r\n")))
    assert found.message == "FTP server 192.0.2.1 announced the private address 192.168.1.5 in 1 packet: nobody outside can connect there."
    assert found.evidence["role"] == "server"


def test_public_or_own_addresses():
    """Nothing leaks; 229 names no address; an inside client may name its own."""
    assert not leaks(session("PASV\r\n", "227 (192,0,2,1,195,80)\r\n", "EPSV\r\n", "229 (|||5000|)\r\n", "PORT 10,0,0,1,1,1\r\n"))
