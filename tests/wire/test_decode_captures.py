"""Every capture in ``captures/``, field by field: against dpkt's dissection, and against tshark's where it is installed."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess

import dpkt
import pytest
from capture_frames import CAPTURES, read_frames
from wire_rows import decode, named

from pcapaudit.core import consts

#: What dpkt cannot open by itself is peeled off here: link type → (bytes before the IP header's, where the ethertype stands).
LINKS = {1: None, 113: 16, 276: 20, 101: 0}


def rows_of(path):
    """Frames of a capture and their rows."""
    frames = read_frames(path)
    batch = decode([each.data for each in frames], linktype=frames[0].linktype, origlens=[each.origlen for each in frames])
    return list(zip(frames, [named(batch, row) for row in range(len(frames))], strict=True))


def dpkt_packet(frame):
    """dpkt's IP packet of a frame, or None."""
    data = frame.data
    if frame.linktype == 1:
        packet = dpkt.ethernet.Ethernet(data).data
        if isinstance(packet, dpkt.pppoe.PPPoE):
            packet = packet.data.data
    else:
        packet = data[LINKS[frame.linktype] :]
        packet = dpkt.ip.IP(packet) if packet[0] >> 4 == 4 else dpkt.ip6.IP6(packet) if packet[0] >> 4 == 6 else None
    return packet if isinstance(packet, (dpkt.ip.IP, dpkt.ip6.IP6)) else None


def compare_ip(row, packet):
    """The IP header's columns."""
    source = int.from_bytes(packet.src, "big")
    destination = int.from_bytes(packet.dst, "big")
    assert (row.src_hi << 64 | row.src_lo, row.dst_hi << 64 | row.dst_lo) == (source, destination)
    if isinstance(packet, dpkt.ip.IP):
        assert (row.l3, row.ip_len, row.ttl, row.tos, row.ip_id, row.proto) == (4, packet.len, packet.ttl, packet.tos, packet.id, packet.p)
        assert row.frag == packet.offset | packet.mf << 15
        assert row.l4_len == packet.len - packet.hl * 4
    else:
        assert (row.l3, row.ip_len, row.ttl, row.tos) == (6, packet.plen + 40, packet.hlim, packet.fc)


def compare_transport(row, layer):
    """The transport header's columns."""
    if isinstance(layer, dpkt.tcp.TCP):
        assert (row.sport, row.dport, row.seq, row.ack) == (layer.sport, layer.dport, layer.seq, layer.ack)
        assert (row.tcp_flags, row.win_raw) == (layer.flags & 0xFF, layer.win)
        if row.anomalies:
            return
        options = dict(dpkt.tcp.parse_opts(layer.opts))
        assert row.mss == int.from_bytes(options.get(dpkt.tcp.TCP_OPT_MSS, b""), "big")
        assert row.wscale == int.from_bytes(options.get(dpkt.tcp.TCP_OPT_WSCALE, b""), "big")
        assert bool(row.tcp_opts & consts.OPT_SACK_PERM) == (dpkt.tcp.TCP_OPT_SACKOK in options)
        assert bool(row.tcp_opts & consts.OPT_SACK) == (dpkt.tcp.TCP_OPT_SACK in options)
        assert bool(row.tcp_opts & consts.OPT_TIMESTAMP) == (dpkt.tcp.TCP_OPT_TIMESTAMP in options)
        assert row.payload_len == len(layer.data)
    elif isinstance(layer, dpkt.udp.UDP):
        assert (row.sport, row.dport) == (layer.sport, layer.dport)
        assert row.frag or row.payload_len == layer.ulen - 8
    elif isinstance(layer, dpkt.icmp.ICMP | dpkt.icmp6.ICMP6):
        assert (row.icmp_type, row.icmp_code) == (layer.type, layer.code)
    elif isinstance(layer, dpkt.sctp.SCTP):
        assert (row.sport, row.dport) == (layer.sport, layer.dport)


#: Headers that dpkt reads in spite of their faults, or cannot read.
ODD = {"ip-truncated", "ip-version", "ip-header-len", "ip-len-over-frame"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_capture_as_dpkt_reads_it(path):
    """Addresses, lengths, ports, sequence numbers, flags and options of every packet."""
    compared = 0
    for number, (frame, row) in enumerate(rows_of(path), 1):
        if ODD & set(row.anomalies):
            continue
        packet = dpkt_packet(frame)
        assert (packet is not None) == (row.l3 != 0), number
        if packet is not None:
            compare_ip(row, packet)
            if row.l4_off:
                compare_transport(row, packet.data)
            compared += 1
    assert compared > 0


FIELDS = [
    "frame.number",
    "ip.src",
    "ipv6.src",
    "ip.len",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.window_size_value",
    "tcp.len",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.sack_re",
    "udp.srcport",
    "udp.dstport",
    "icmp.type",
    "icmpv6.type",
    "sctp.srcport",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
]
PREFERENCES = [
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
]
TSHARK = shutil.which("tshark")
#: tshark: 0 bad, 1 good, 2 unverified, 3 not present.
STATUS = {consts.CSUM_BAD: 0, consts.CSUM_GOOD: 1, consts.CSUM_UNCHECKED: 2, consts.CSUM_ABSENT: 3}


def dissect(path):
    """tshark's fields of each frame, the outermost of each name."""
    command = [TSHARK, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f", "-E", "separator=|"]
    for each in PREFERENCES:
        command += ["-o", each]
    for each in FIELDS:
        command += ["-e", each]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return [dict(zip(FIELDS, line.split("|"), strict=True)) for line in lines]


def columns_as_tshark(row):
    """What tshark should say of a row, by field."""
    source = ipaddress.ip_address(row.src_hi << 64 | row.src_lo) if row.l3 == 6 else ipaddress.IPv4Address(row.src_lo)
    said = {"ip.src": str(source), "ip.len": row.ip_len} if row.l3 == 4 else {"ipv6.src": str(source), "ipv6.plen": row.ip_len - 40}
    if row.l3 == 4:
        said["ip.checksum.status"] = STATUS[row.ip_csum]
    if not row.l4_off or "l4-truncated" in row.anomalies:
        return said
    if row.proto == 6:
        said |= {"tcp.srcport": row.sport, "tcp.dstport": row.dport, "tcp.seq_raw": row.seq, "tcp.ack_raw": row.ack}
        said |= {"tcp.flags": row.tcp_flags, "tcp.window_size_value": row.win_raw, "tcp.len": row.payload_len}
        said["tcp.options.mss_val"] = row.mss if row.tcp_opts & consts.OPT_MSS else ""
        said["tcp.options.wscale.shift"] = row.wscale if row.tcp_opts & consts.OPT_WSCALE else ""
    elif row.proto == 17:
        said |= {"udp.srcport": row.sport, "udp.dstport": row.dport}
    elif row.proto == 132:
        said["sctp.srcport"] = row.sport
    elif row.proto in (1, 58):
        said["icmp.type" if row.proto == 1 else "icmpv6.type"] = row.icmp_type
    name = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}.get(row.proto)
    if name and not row.frag and row.l4_csum in STATUS:
        said[f"{name}.checksum.status"] = STATUS[row.l4_csum]
    return said


def same(name, ours, theirs):
    """Whether tshark says the same. What it does not say (a checksum, say, of a packet it reads no further) is no difference."""
    if theirs == "" and name not in {"tcp.options.mss_val", "tcp.options.wscale.shift"}:
        return True
    if name == "tcp.flags":
        return int(theirs, 0) & 0xFF == ours
    return str(ours) == (theirs if isinstance(ours, str) else str(int(theirs, 0)) if theirs else "")


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize("path", [each for each in CAPTURES if each.suffix != ".gz"], ids=lambda path: path.name)
def test_capture_as_tshark_reads_it(path):
    """Fields and the state of checksums, of every packet whose IP header makes sense."""
    rows = rows_of(path)
    said = dissect(path)
    assert len(said) == len(rows)
    for (_, row), theirs in zip(rows, said, strict=True):
        if row.l3 == 0 or ODD & set(row.anomalies):
            continue
        differing = {name: (ours, theirs[name]) for name, ours in columns_as_tshark(row).items() if not same(name, ours, theirs[name])}
        assert not differing, theirs["frame.number"]
