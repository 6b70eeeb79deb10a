"""Errors that quote what is not on its way."""

import pytest
from control_channels import Talk
from findings_of import findings_in
from packets import only
from scenes import icmp, tcp


def off_path(seq, *, router="198.51.100.9", data=100):
    """The findings of this code: a client that sent up to 1001 + ``data``, and an error that quotes ``seq``."""
    talk = Talk("10.0.0.1:3000", "192.0.2.1:80").open().send(0, b"x" * data).send(1, flags=0x10).send(0, b"y" * 50)
    quoted = tcp("10.0.0.1:3000", "192.0.2.1:80", "A", seq, 5001)
    packets = [*talk.packets, (1, icmp(router, "10.0.0.1", 3, 1, data=quoted[:28]))]
    return [each for each in findings_in(packets) if each.code == "icmp-error-off-path"]


@pytest.mark.parametrize("seq", [1101, 1120, 1151, 1001])
def test_on_its_way(seq):
    """Unacknowledged, or acknowledged while the error was under way."""
    assert not off_path(seq)


@pytest.mark.parametrize("seq", [0x80000000, 1152, 0xFFFFFFF0 - 70000])
def test_blind_attacker(seq):
    """Never sent, or long ago."""
    found = only(off_path(seq))
    assert f"sequence number {seq}, expected" in found.message
    assert (found.evidence["seq_seen"], found.evidence["seq_high"]) == (seq, 1151)


def test_error_about_a_syn():
    """Nothing is acknowledged yet: the SYN itself is on its way."""
    for seq, count in ((7, 0), (9, 1)):
        packets = [
            (0, tcp("10.0.0.1:3000", "192.0.2.1:80", "S", 7)),
            (1, icmp("198.51.100.9", "10.0.0.1", 3, 1, data=tcp("10.0.0.1:3000", "192.0.2.1:80", "S", seq))),
        ]
        assert len([each for each in findings_in(packets) if each.code == "icmp-error-off-path"]) == count
