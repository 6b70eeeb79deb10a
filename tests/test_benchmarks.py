"""The benchmark captures are what their README says: the same every time, and nothing in them is invalid."""

from __future__ import annotations

import collections
import hashlib
import sys

import dpkt
import pytest
from checkout import ROOT

sys.path.append(str(ROOT / "benchmarks"))
import workloads

PACKETS = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small editions of every workload."""
    made = tmp_path_factory.mktemp("workloads")
    for name in workloads.NAMES:
        workloads.make(name, made, PACKETS)
    return made


def packets(path):
    """The captured bytes of each record."""
    with path.open("rb") as file:
        return [data for _, data in dpkt.pcap.Reader(file)]


def transport(frame):
    """IP packet and transport header of a frame, as dpkt reads them."""
    ip = dpkt.ethernet.Ethernet(frame).data
    return ip, ip.data


@pytest.mark.parametrize("name", workloads.NAMES)
def test_workload_is_the_same_every_time(name, folder, tmp_path):
    """Two runs make the same bytes, so that figures can be compared."""
    again = workloads.make(name, tmp_path, PACKETS)
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in (again, workloads.path_of(name, folder, PACKETS))}
    assert len(digests) == 1


@pytest.mark.parametrize("name", workloads.NAMES)
def test_workload_has_about_the_packets_it_should(name, folder):
    """The goal is met within ten per cent."""
    count = len(packets(workloads.path_of(name, folder, PACKETS)))
    assert abs(count - PACKETS) < PACKETS / 10


def test_mixed_is_mixed(folder):
    """Protocols, address families and VLAN tags in their shares."""
    frames = packets(workloads.path_of("mixed", folder, PACKETS))
    share = collections.Counter()
    for frame in frames:
        ip, l4 = transport(frame)
        share[type(l4).__name__] += 1
        share["v6"] += isinstance(ip, dpkt.ip6.IP6)
        share["vlan"] += frame[12:14] == b"\x81\x00"
    assert 0.7 < share["TCP"] / len(frames) < 0.95
    assert 0.05 < share["UDP"] / len(frames) < 0.3
    assert share["ICMP"]
    assert 0.05 < share["v6"] / len(frames) < 0.2
    assert 0.05 < share["vlan"] / len(frames) < 0.2


def test_scan_has_one_packet_a_flow(folder):
    """No two packets share their five-tuple."""
    seen = set()
    for frame in packets(workloads.path_of("scan", folder, PACKETS)):
        ip, l4 = transport(frame)
        assert l4.flags == dpkt.tcp.TH_SYN
        seen.add((ip.src, ip.dst, l4.sport, l4.dport))
    assert len(seen) == PACKETS


def test_full_frames_have_right_checksums(folder):
    """dpkt computes the same checksums (it recomputes a field that is zero)."""
    for frame in packets(workloads.path_of("full", folder, PACKETS)):
        ip, l4 = transport(frame)
        found = l4.sum
        l4.sum = 0
        if isinstance(ip, dpkt.ip.IP):
            header = ip.sum
            ip.sum = 0
            bytes(ip)
            assert ip.sum == header
        bytes(ip)
        assert l4.sum == found
