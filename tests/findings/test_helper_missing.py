"""Announced, not heard, refused."""

import pytest
from control_channels import Talk
from control_channels import ftp_session as session
from findings_of import findings_in
from h323_messages import call, call_address, frame, ras
from packets import only
from scenes import INSIDE_OUT, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig

FTP = ConntrackConfig().with_helper("ftp")

HEAR = [*session("PORT 10,0,0,1,19,137\r\n"), (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]


def missing(packets, rules=INSIDE_OUT, **more):
    """The findings of this code."""
    return [each for each in findings_in(packets, rules, **more) if each.code == "helper-missing"]


def test_active_ftp():
    """Names the rule to add; a SYN that is sent again, and what else comes of the connection, belongs to it."""
    found = only(missing([*HEAR, (12, tcp("192.0.2.1:20", "10.0.0.1:5001", "S")), (13, tcp("192.0.2.1:20", "10.0.0.1:5001", "A"))]))
    assert (found.count, found.first_frame, str(found.severity)) == (3, len(HEAR), "high")
    assert found.message == (
        "3 packets refused of connections announced on ftp channels (tcp port 21), the first 192.0.2.1:20 to 10.0.0.1:5001: no helper "
        "was assigned."
    )
    assert 'tcp dport 21 ct helper set "ftp-21"' in found.advice
    assert "-j CT --helper ftp" in found.advice
    assert found.evidence["announced_by_flow"] == 1


def test_passive_ftp_and_tftp():
    """The client's data connection where only the control port is allowed; a TFTP server's answer."""
    rules = INSIDE_OUT.replace('iifname "inside" ct state new', "tcp dport 21")
    packets = [*session("PASV\r\n", "227 Entering Passive Mode (192,0,2,1,156,64)\r\n"), (9, tcp("10.0.0.1:3001", "192.0.2.1:40000", "S"))]
    assert only(missing(packets, rules)).evidence["helper"] == "ftp"
    tftp = [(0, udp("10.0.0.1:4000", "192.0.2.1:69", b"\0\1f\0octet\0")), (1, udp("192.0.2.1:5555", "10.0.0.1:4000", b"\0\3"))]
    assert only(missing(tftp)).evidence["port"] == 69


def test_amanda_and_h323():
    """A backup's data streams; a call's H.245 connection, and the call that a registration lets come."""
    rules = INSIDE_OUT.replace('iifname "inside" ct state new', "udp dport 10080")
    reply = (1, udp("192.0.2.1:10080", "10.0.0.1:700", b"CONNECT DATA 5001 MESG 5002 INDEX 5003\nOPTIONS ;\n"))
    backup = [(0, udp("10.0.0.1:700", "192.0.2.1:10080", b"REQ")), reply, (2, tcp("10.0.0.1:9", "192.0.2.1:5001", "S"))]
    assert only(missing(backup, rules)).evidence["helper"] == "amanda"
    talk = Talk("10.0.0.1:3000", "192.0.2.1:1720").open().send(0, frame(call("setup", h245Address=call_address("10.0.0.1", 4000))))
    assert only(missing([*talk.packets, (1, tcp("192.0.2.1:9", "10.0.0.1:4000", "S"))])).evidence["helper"] == "Q.931"
    asked = (0, udp("10.0.0.1:4000", "192.0.2.1:1719", ras("registrationRequest", "10.0.0.1", 1720)))
    assert only(missing([asked, (2, tcp("192.0.2.1:9", "10.0.0.1:1720", "S"))])).evidence["helper"] == "RAS"


@pytest.mark.parametrize(
    ("packets", "more"),
    [
        (HEAR, {"config": FTP}),
        (HEAR[:-1], {}),
        ([*HEAR[:-1], (9, tcp("192.0.2.1:20", "10.0.0.1:5002", "S"))], {}),
        ([*HEAR[:-1], (9, tcp("192.0.2.9:20", "10.0.0.1:5001", "S"))], {}),
        ([*HEAR[:-1], (400, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))], {}),
    ],
)
def test_nothing_is_missing(packets, more):
    """With the helper; without a data connection; another port, another host, too late."""
    assert not missing(packets, **more)


def test_accepted_anyway():
    """A rule that lets it through needs no helper."""
    assert not missing(HEAR, INSIDE_OUT.replace('iifname "inside" ct', "ct"))
