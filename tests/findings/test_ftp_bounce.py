"""PORT to a third host."""

import pytest
from control_channels import ftp_session as session
from findings_of import findings_in
from packets import only
from scenes import ACCEPT_ALL, INSIDE_OUT, tcp

from pcapaudit.findings.ftp_bounce import is_private


def bounces(packets, rules=INSIDE_OUT):
    """The findings of this code."""
    return [each for each in findings_in(packets, rules) if each.code == "ftp-bounce"]


def test_client_names_other_hosts():
    """A scan of several ports is one finding; what was let through makes it worse."""
    said = [*session("PORT 198,51,100,9,0,22\r\n", "200 ok\r\n", "PORT 198,51,100,9,0,25\r\n")]
    found = only(bounces(said))
    assert (found.count, str(found.severity), found.evidence["named"]) == (2, "medium", ["198.51.100.9:22", "198.51.100.9:25"])
    assert found.message.startswith("10.0.0.1 told the FTP server 192.0.2.1:21 2 times to connect to another host, the first 198.51.")
    found = only(bounces([*said, (9, tcp("192.0.2.1:20", "198.51.100.9:22", "S"))], ACCEPT_ALL))
    assert (str(found.severity), found.evidence["reached"]) == ("high", ["198.51.100.9:22"])


def test_own_address_and_other_words():
    """Nothing to say."""
    assert not bounces(session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n", "NOOP\r\n"))


def test_private_address_from_behind_a_nat_is_no_bounce():
    """That is a leak."""
    packets = session("PORT 192,168,1,9,0,22\r\n", client="203.0.113.1:3000", server="10.0.0.9:21")
    assert not bounces(packets, ACCEPT_ALL)


@pytest.mark.parametrize(
    ("address", "private"), [("10.1.2.3", True), ("100.64.0.1", True), ("fd00::1", True), ("192.0.2.1", False), ("2001:db8::1", False)]
)
def test_private_ranges(address, private):
    """By their RFCs."""
    assert is_private(address) == private
