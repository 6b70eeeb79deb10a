"""The syntax of H.323: what is written by it is H.323 to tshark, and says to tshark what it says to us."""

import re
import shutil
import subprocess
from collections import Counter

import pytest
from control_channels import Talk
from h323_messages import acknowledge, call, call_address, control, frame, open_channel, ras, t120_channel
from raw_packets import write_pcap
from scenes import udp

from pcapaudit.conntrack.helpers.h323 import h323_part
from pcapaudit.conntrack.helpers.h323_syntax import messages
from pcapaudit.conntrack.helpers.per import decode

A = "10.0.0.1"
TSHARK = shutil.which("tshark")
FAST = {"h245Address": call_address(A, 4000), "fastStart": [open_channel(A, 5004, 5005), t120_channel(A, 1503)]}
CALLS = ("setup", "callProceeding", "connect", "alerting", "facility", "progress")


def test_messages_are_made_once():
    """Making them takes longer than a start without H.323 has to spare."""
    assert messages() is messages()


@pytest.mark.parametrize("name", CALLS)
def test_call_says_where(name):
    """H.245's address, channels at once, and H.245 inside."""
    said = decode(messages().call, h323_part(call(name, tunnelled=(control("openLogicalChannel", open_channel(A, 6000)),), **FAST)))
    found, body = said["pdu"]["body"]
    assert (found, body["h245Address"]) == (name, ("ipAddress", {"ip": bytes([10, 0, 0, 1]), "port": 4000}))
    assert [each["forward"]["dataType"][0] for each in body["fastStart"]] == ["audioData", "data"]
    # Behind progress's fastStart, and setup's last addition read, Linux finds the rest where it stands.
    assert [each[1][0] for each in said["pdu"].get("h245Control", ())] == ["openLogicalChannel"]


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
def test_tshark_reads_the_same(tmp_path):
    """Every message that tests are made of, dissected without complaint, its ports at the same places."""
    talk = Talk(f"{A}:3000", "192.0.2.1:1720").open()
    for name in CALLS:
        talk.send(0, frame(call(name, **FAST)))
    talk.send(1, frame(call("connect", tunnelled=(control("openLogicalChannelAck", acknowledge(A, 7000, 7001, t120=1504)),))))
    registration = [
        ras("gatekeeperConfirm", "192.0.2.9", 1719),
        ras("registrationRequest", A, 1721, timeToLive=60),
        ras("registrationConfirm", A, 1722, timeToLive=61),
        ras("admissionConfirm", "192.0.2.9", 1723),
        ras("locationConfirm", "192.0.2.9", 1724),
    ]
    packets = [*talk.packets, *((1 + at, udp(f"{A}:4000", "192.0.2.1:1719", data)) for at, data in enumerate(registration))]
    path = tmp_path / "h323.pcap"
    write_pcap(path, [(round(at * 1000), packet) for at, packet in packets])
    command = [TSHARK, "-r", str(path), "-O", "h225,h245"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "alformed" not in shown
    said = Counter(re.findall(r"(?:port|tsapIdentifier|timeToLive): (\d+)", shown))
    once = (7000, 7001, 1504, 1719, 1721, 1722, 1723, 60, 61)
    assert {said[str(port)] for port in once} == {1}, said
    assert said["1724"] == 2, "the call's address and RAS's"
    # Each of the calls, and a registration's address for RAS.
    assert [said[port] for port in ("4000", "5004", "5005", "1503")] == [len(CALLS) + 1, *[len(CALLS)] * 3], said
