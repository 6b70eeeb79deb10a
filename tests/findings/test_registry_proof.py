"""Every code is proven: a capture or scenario where it must appear, and a look-alike where it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from control_channels import ftp_session
from findings_of import findings_in, findings_of
from scenes import ACCEPT_ALL, DROP_ALL, INSIDE_OUT, MemoryStream, context_for, fragments, icmp, tcp, udp
from talks import CLIENT, SERVER, handshake, segment

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.findings.registry import DETECTORS, make_detectors
from pcapaudit.replay.run import run
from pcapaudit.replay.topology_file import read_topology

LINKS = """
[zones.lan]
prefixes = ["10.0.0.0/8"]
macs = ["02:00:00:00:00:01"]
inside = true
[zones.wan]
prefixes = ["any"]
macs = ["02:00:00:00:00:02"]
"""
DATAGRAM = udp("10.0.0.1:4000", "198.51.100.1:9000", bytes(2000))
LAST = (100, udp("10.0.0.9:4000", "198.51.100.1:9000"))
SYN = tcp("10.0.0.1:4000", "198.51.100.1:80", "S", 1, options=b"\x02\x04\x05\xb4")


def sources(count, make, step=0.001):
    """A packet from each of so many hosts of the world."""
    return [(k * step, make(f"{1 + k % 200}.{k >> 8 & 255}.7.{k & 255}")) for k in range(count)]


def opened(count, step, last):
    """Connections to one port that are completed; ``last`` is how each goes on."""
    made = []
    for k in range(count):
        client = f"198.51.{k >> 8}.{k & 255}:4000"
        at = k * step
        made += [(at, tcp(client, "10.0.0.1:80", "S", 1)), (at, tcp("10.0.0.1:80", client, "SA", 9, 2))]
        made += [(at, tcp(client, "10.0.0.1:80", flags, 2, 10, data=size)) for flags, size in last]
    return made


def doubled(packets):
    """Talks between both ends that open at once, and a router's port."""
    return [(at, packet.replace(b"\x9c\x41", b"\x00\xb3")) for at, packet in packets]


BOTH = [
    (0.0, tcp("10.0.0.1:40001", "198.51.100.1:40002", "S", 1000)),
    (0.1, tcp("198.51.100.1:40002", "10.0.0.1:40001", "S", 5000)),
    (0.2, tcp("10.0.0.1:40001", "198.51.100.1:40002", "SA", 1000, 5001)),
    (0.3, tcp("198.51.100.1:40002", "10.0.0.1:40001", "SA", 5000, 1001)),
    (0.4, tcp("10.0.0.1:40001", "198.51.100.1:40002", "A", 1001, 5001)),
]
QUESTION = (1, segment(CLIENT, SERVER, "PA", 1001, 5001, b"question"))
ANSWERS = [(2 + k, segment(SERVER, CLIENT, "PA", 5001, 1009, data)) for k, data in enumerate((b"abcdefgh", b"abcdEfgh"))]
#: A client that nobody answers: one direction, too, but nothing in it answers anything.
UNANSWERED = [(at + k, tcp(f"10.0.0.1:{4000 + k}", "198.51.100.1:80", "S", 1)) for k in range(10) for at in (0, 1, 3, 7, 15)]
#: Congestion control asked for, urgent data, a FIN with data: rare and legal.
ODD_FLAGS = [
    (0, tcp(CLIENT, SERVER, "SEC", 1000)),
    (1, tcp(SERVER, CLIENT, "SAE", 5000, 1001)),
    (2, tcp(CLIENT, SERVER, "APUC", 1001, 5001, data=4)),
    (3, tcp(CLIENT, SERVER, "FAPU", 1005, 5001, data=4)),
]
#: The server that was asked, to the port that asked: once too often.
ANSWERED_TWICE = [
    (0, udp("10.0.0.1:4000", "198.51.100.1:53")),
    (1, udp("198.51.100.1:53", "10.0.0.1:4000")),
    (2, udp("198.51.100.1:53", "10.0.0.1:4000")),
]
HOURS = 3600.0
LONG = ConntrackConfig().with_timeout("udp.stream", "5h").with_timeout("udp.unreplied", "5h")


def idle(pause):
    """UDP exchanges that stop, and a packet hours later; before, each is silent for so long."""
    made = []
    for k in range(6):
        inner = f"10.0.0.{k + 1}:4000"
        made += [(k, udp(inner, "198.51.100.1:9000")), (k + 1, udp("198.51.100.1:9000", inner))]
        made += [(k + 2 + pause, udp(inner, "198.51.100.1:9000")), (k + 3 + pause, udp("198.51.100.1:9000", inner))]
    return sorted([*made, (4.9 * HOURS, LAST[1]), (12 * HOURS, LAST[1])], key=lambda item: item[0])


FTP = ConntrackConfig().with_helper("ftp")
HEARD = ftp_session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n")
DATA, DATA_ANSWER = tcp("192.0.2.1:20", "10.0.0.1:5001", "S"), tcp("10.0.0.1:5001", "192.0.2.1:20", "SA", 0, 1)
STRICT = INSIDE_OUT.replace("established,related", "established")


def error_about(seq):
    """A router's error that quotes a segment of a connection whose client has sent one question, from 1001 on."""
    quoted = segment(CLIENT, SERVER, "PA", seq, 5001, b"question")
    return [*handshake(), QUESTION, (2, icmp("198.51.100.77", CLIENT.partition(":")[0], 3, 1, data=quoted[:28]))]


#: Code → (where it must appear, where it must not). Each is a capture's name, with the options of findings_of, or packets, with those of
#: findings_in.
PROOF = {
    "asymmetric-capture": (("tcp-midstream.pcap", {}), (UNANSWERED, {})),
    "checksum-offload": (("offload.pcap", {}), ([(0, udp("10.0.0.1:4000", "198.51.100.1:9000")[:26] + bytes(2) + b"x")], {})),
    "connection-flood": (
        (opened(600, 0.001, [("A", 0), ("FA", 0)]), {"rules": ACCEPT_ALL}),
        (opened(600, 0.001, [("A", 0), ("PA", 900)]), {"rules": ACCEPT_ALL}),
    ),
    "flow-cut-by-timeout": (("idle-udp.pcap", {}), ("ssh-keepalive.pcap", {})),
    # What a control channel announces, and the same in the wrong place: in a file's name, in a greeting, in a reply of another kind.
    "helper-missing": (("ftp-modes.pcap", {}), ("ftp-modes.pcap", {"helper": ("ftp",)})),
    "related-from-other-host": (("tftp-other-address.pcap", {}), ("tftp-both-ways.pcap", {})),
    "expectation-expired": (([*HEARD, (306, DATA)], {"config": FTP}), ([*HEARD, (299, DATA)], {"config": FTP})),
    "expectation-unused": (
        ([*HEARD, (999, LAST[1])], {"config": FTP}),
        ([*HEARD, (9, DATA), (10, DATA_ANSWER), (999, LAST[1])], {"config": FTP}),
    ),
    "ftp-bounce": (
        (ftp_session("PORT 198,51,100,9,0,22\r\n"), {}),
        (ftp_session("STOR PORT 198,51,100,9,0,22\r\n", "150 PORT 198,51,100,9,0,22\r\n", "SITE PORT 198,51,100,9,0,22\r\n"), {}),
    ),
    "ftp-private-address-leak": (
        (ftp_session("PASV\r\n", "227 Entering Passive Mode (192,168,1,5,195,80)\r\n"), {}),
        (ftp_session("PASV\r\n", "250 Entering Passive Mode (192,168,1,5,195,80)\r\n", "NOOP\r\n", "227 (192,0,2,1,195,80)\r\n"), {}),
    ),
    "encrypted-control-channel": (
        (ftp_session("AUTH TLS\r\n", "234 Proceed with negotiation.\r\n"), {}),
        (ftp_session("AUTH TLS\r\n", "534 Local policy.\r\n", "RETR 234\r\n", "150 234 Proceed with negotiation.\r\n"), {}),
    ),
    "icmp-error-off-path": ((error_about(9001), {}), (error_about(1001), {})),
    "pmtud-blocked": (
        ("path-mtu.pcap", {"rules": STRICT}),
        ("path-mtu.pcap", {}),
    ),
    "fragment-overlap": (("fragments-odd.pcap", {}), ("fragments.pcap", {})),
    "host-sweep": (
        ([(k / 100, tcp("10.0.0.1:4000", f"198.51.100.{k}:445", "S")) for k in range(60)], {}),
        ([(k / 100, tcp(f"10.0.0.1:{4000 + k}", "198.51.100.1:445", "S")) for k in range(60)], {}),
    ),
    "icmp-error-unknown-flow": (("icmp-errors.pcap", {}), ("traceroute.pcap", {})),
    "icmp-flood": (
        ([(k / 500, icmp("10.0.0.1", "198.51.100.1", 8)) for k in range(1000)], {}),
        ([(k / 50, icmp("10.0.0.1", "198.51.100.1", 8)) for k in range(1000)], {}),
    ),
    "incomplete-fragments": (([(0, fragments(DATAGRAM, 1480)[0]), LAST], {}), ("fragments.pcap", {})),
    "land": (([(0, tcp("198.51.100.1:80", "198.51.100.1:80", "S"))], {}), ([(0, tcp("198.51.100.1:80", "198.51.100.1:81", "S"))], {})),
    "martian": (([(0, tcp("127.0.0.1:4000", "10.0.0.1:80", "S"))], {}), ([(0, udp("0.0.0.0:68", "255.255.255.255:67"))], {})),
    "mid-stream-pickup": (("tcp-midstream.pcap", {}), ([(0, segment(CLIENT, SERVER, "PA", 1001, 5001, b"question"))], {"rules": DROP_ALL})),
    "offloaded-or-missing-packets": (
        ([*handshake(), *((2 + k, segment(CLIENT, SERVER, "A", 1001, 90_000 + k)) for k in range(4))], {}),
        ([*handshake(), (2, segment(CLIENT, SERVER, "A", 1001, 90_000)), (3, segment(CLIENT, SERVER, "A", 1001, 5001))], {}),
    ),
    "out-of-order-capture": (("two-interfaces.pcapng", {}), ("loss.pcap", {})),
    "packet-after-close": (("tcp-after-close.pcap", {}), ("tcp-port-reuse.pcap", {})),
    "port-scan": (("scan.pcap", {"local": ["203.0.113.0/24"]}), ("scan-refused.pcap", {})),
    "reflection-amplification": (
        (sources(300, lambda host: udp(f"{host}:123", "10.0.0.1:4000", bytes(440))), {}),
        ([(k, udp(("10.0.0.1:4000", "198.51.100.1:123")[k % 2], ("198.51.100.1:123", "10.0.0.1:4000")[k % 2])) for k in range(300)], {}),
    ),
    "retransmission-with-different-data": (([*handshake(), QUESTION, *ANSWERS], {}), ("loss.pcap", {})),
    "simultaneous-open": ((doubled(BOTH), {"rules": ACCEPT_ALL}), ("tcp-simultaneous-open.pcap", {})),
    "split-handshake": (("tcp-split-handshake.pcap", {}), ("tcp-simultaneous-open.pcap", {})),
    "spoofed-source": (
        ([(0, tcp("10.0.0.1:4000", "10.0.0.2:80", "S"))], {"macs": (2, 1)}),
        ([(0, tcp("10.0.0.1:4000", "198.51.100.1:80", "S"))], {"macs": (1, 2)}),
    ),
    "state-table-exhaustion": (
        (sources(200, lambda host: tcp(f"{host}:4000", "10.0.0.1:80", "S")), {"rules": ACCEPT_ALL, "config": ConntrackConfig(max=50)}),
        (sources(200, lambda host: tcp(f"{host}:4000", "10.0.0.1:80", "S")), {"rules": DROP_ALL, "config": ConntrackConfig(max=50)}),
    ),
    "syn-flood": (
        ("syn-flood.pcap", {}),
        ([(k / 50, tcp(f"198.51.100.1:{4000 + k}", "10.0.0.1:80", "S", 1)) for k in range(300)], {"rules": ACCEPT_ALL}),
    ),
    "tcp-blind-attack": (("injection.pcap", {}), ("reset.pcap", {})),
    "tcp-hole-punch": (("tcp-simultaneous-open.pcap", {}), (doubled(BOTH), {"rules": ACCEPT_ALL})),
    "tcp-invalid-flags": (("tcp-flags.pcap", {}), (ODD_FLAGS, {"rules": ACCEPT_ALL})),
    "tcp-out-of-window": (("tcp-window.pcap", {}), ("tcp-sequence-wrap.pcap", {})),
    "timeout-too-long": ((idle(60), {"config": LONG}), (idle(0.6 * HOURS), {"config": LONG})),
    "tiny-fragment": (([(k, part) for k, part in enumerate(fragments(SYN, 8))], {}), ("fragments.pcap", {})),
    "udp-flood": (
        ([(k / 1000, udp("10.0.0.1:4000", "198.51.100.1:9000")) for k in range(2000)], {}),
        ([(k / 100, udp("10.0.0.1:4000", "198.51.100.1:9000")) for k in range(2000)], {}),
    ),
    "udp-hole-punch": (("punch-lan.pcap", {}), ("punch-rejected-lan.pcap", {})),
    "udp-hole-punch-failed": (("punch-rejected-lan.pcap", {}), ("punch-lan.pcap", {})),
    "unsolicited-inbound": (
        ("scan-refused.pcap", {}),
        ([(0, udp("10.0.0.1:4000", "198.51.100.1:123")), (29, udp("198.51.100.1:123", "10.0.0.1:4000"))], {}),
    ),
    "unsolicited-reply": (("dns-forged.pcap", {}), (ANSWERED_TWICE, {})),
}


class EthernetStream(MemoryStream):
    """The packets in Ethernet frames between two MAC addresses of the topology."""

    def __init__(self, packets, source, target):
        head = bytes.fromhex(f"02000000000{target}02000000000{source}0800")
        super().__init__([(at, head + packet) for at, packet in packets])

    def read_into(self, batch):
        """Fill the batch, and say that it is Ethernet."""
        found = super().read_into(batch)
        batch.arrays["linktype"][: batch.count] = 1
        return found


def found_on_links(packets, macs):
    """What is found where the topology knows links."""
    context = replace(context_for([], INSIDE_OUT, topology=read_topology(LINKS, "t.toml")), stream=EthernetStream(packets, *macs))
    detectors = make_detectors(context)
    run(context, [detectors], seed=1)
    return detectors.violations()


def codes(case):
    """The codes found in a case."""
    what, options = case
    find = findings_of if isinstance(what, str) else found_on_links if "macs" in options else findings_in
    found = find(what, **options)
    return {each.code for each in found}


def test_every_code_has_its_proof():
    """A new detector comes with both."""
    assert {each.code for each in DETECTORS} == set(PROOF)


@pytest.mark.parametrize("code", PROOF)
def test_it_appears(code):
    """Where it must."""
    assert code in codes(PROOF[code][0])


@pytest.mark.parametrize("code", PROOF)
def test_it_does_not_appear_in_its_lookalike(code):
    """Where it must not."""
    assert code not in codes(PROOF[code][1])
