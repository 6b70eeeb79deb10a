"""The columns in which packets, verdicts and flows travel: the contract between all parts.

``PacketBatch`` and ``VerdictBatch`` hold one contiguous NumPy array a column, allocated once and reused from batch to batch.
Compiled loops take them as typed memoryviews (the attributes); everybody else reads ``batch.arrays["name"][:batch.count]``.
In an uncompiled run the attributes are plain ``memoryview`` objects, so that an element is a Python int.

Row ``BATCH_FRAMES`` (one past the last packet) is scratch space for a reassembled datagram, whose bytes go behind the capture
bytes in ``data``. Whoever adds a column adds it to the table here, to ``__init__`` and to ``columns.pxd``; a test compares them.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

if not cython.compiled:
    from pcapaudit.core.consts import BATCH_FRAMES, BUFFER_BYTES, SCRATCH_BYTES

__all__ = ["FLOW_DTYPE", "PACKET_COLUMNS", "VERDICT_COLUMNS", "PacketBatch", "VerdictBatch"]

#: name, dtype, who fills it, meaning. Offsets are positions in ``data``; a length "on the wire" comes from headers, never from caplen.
PACKET_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("ts_ns", "i8", "capture", "time stamp, ns since 1970, as the file says (that of the frame before with FRAME_NO_TIME)"),
    ("offset", "u4", "capture", "where the frame's bytes start in data"),
    ("caplen", "u4", "capture", "bytes of the frame that the file holds"),
    ("origlen", "u4", "capture", "bytes of the frame on the wire, as the file says"),
    ("linktype", "u2", "capture", "LINKTYPE_ number"),
    ("if_id", "u2", "capture", "index into the stream's list of interfaces"),
    ("file_id", "u2", "capture", "index into the stream's list of files"),
    ("file_frame", "u8", "capture", "1-based number of the frame in its file"),
    ("frame_flags", "u1", "capture", "FRAME_ bits"),
    ("anomalies", "u8", "all", "ANOM_ bits"),
    ("ethertype", "u2", "wire", "ethertype of the innermost link layer header, 0 if there is none"),
    ("vlan", "u2", "wire", "outermost VLAN id, or VLAN_NONE"),
    ("l3", "u1", "wire", "4, 6, or 0 when the frame holds no IP header that can be read"),
    ("proto", "u1", "wire", "transport protocol, behind IPv6 extension headers"),
    ("l3_off", "u4", "wire", "where the IP header starts"),
    ("l4_off", "u4", "wire", "where the transport header starts (first fragment or whole packet), else 0"),
    ("payload_off", "u4", "wire", "where the transport payload starts, else 0"),
    ("end_off", "u4", "wire", "end of the captured IP packet, padding and trailers cut off"),
    ("ip_len", "u4", "wire", "length of the whole IP packet on the wire, headers included"),
    ("l4_len", "u4", "wire", "transport header and payload on the wire"),
    ("payload_len", "u4", "wire", "transport payload on the wire"),
    ("src_hi", "u8", "wire", "source address, upper 64 bits (0 for IPv4)"),
    ("src_lo", "u8", "wire", "source address, lower 64 bits; IPv4 in the lowest 32"),
    ("dst_hi", "u8", "wire", "destination address, upper 64 bits"),
    ("dst_lo", "u8", "wire", "destination address, lower 64 bits"),
    ("sport", "u2", "wire", "source port (TCP, UDP, UDP-Lite, SCTP, DCCP); identifier of an ICMP query; source key of GRE"),
    ("dport", "u2", "wire", "destination port; 0 for ICMP"),
    ("icmp_type", "u1", "wire", "ICMP and ICMPv6 type"),
    ("icmp_code", "u1", "wire", "ICMP and ICMPv6 code"),
    ("ttl", "u1", "wire", "TTL or hop limit"),
    ("tos", "u1", "wire", "type of service or traffic class, all eight bits"),
    ("ip_id", "u4", "wire", "IPv4 identification, or that of the IPv6 fragment header"),
    ("frag", "u2", "wire", "fragment offset in units of 8 bytes, bit 0x8000 for more fragments; 0 or FRAG_ATOMIC for a whole packet"),
    ("tcp_flags", "u1", "wire", "TCP_ bits"),
    ("tcp_opts", "u1", "wire", "OPT_ bits of the TCP options present"),
    ("seq", "u4", "wire", "TCP sequence number"),
    ("ack", "u4", "wire", "TCP acknowledgement number"),
    ("win_raw", "u2", "wire", "TCP window field, not scaled"),
    ("wscale", "u1", "wire", "value of the window scale option, as on the wire; 0 without OPT_WSCALE"),
    ("mss", "u2", "wire", "value of the MSS option; 0 without OPT_MSS"),
    ("sack_max", "u4", "wire", "highest right edge of the SACK blocks; equals ack without OPT_SACK"),
    ("ip_csum", "u1", "wire", "CSUM_ of the IPv4 header"),
    ("l4_csum", "u1", "wire", "CSUM_ of the transport header"),
    ("iif", "u2", "vantage", "interface by which the packet enters: index of the topology, IFACE_NONE or IFACE_UNKNOWN"),
    ("oif", "u2", "vantage", "interface by which it leaves"),
    ("path", "u1", "vantage", "PATH_: the hooks it passes"),
    ("zone", "u2", "vantage", "conntrack zone"),
    ("hash", "u4", "conntrack", "hash of the unordered tuple"),
)

#: name, dtype, who fills it, meaning.
VERDICT_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("verdict", "u1", "rules", "VERDICT_; skip for what never reaches the rules"),
    ("decided", "u1", "rules", "0 when something the capture does not hold could change the verdict"),
    ("rule", "u4", "rules", "id of the rule that decided, 0 when a policy did"),
    ("chain", "u2", "rules", "id of the base chain whose rule or policy decided; 0 when none did"),
    ("cause", "u4", "rules", "id of the rule whose unknown match makes the packet undecidable, else 0"),
    ("hook", "u1", "rules", "HOOK_ at which the packet's way ended"),
    ("reason", "u2", "all", "REASON_ of an INVALID packet, or why it was not accepted"),
    ("ct_state", "u1", "conntrack", "CT_ as the rules saw it"),
    ("direction", "u1", "conntrack", "DIR_ as the rules saw it"),
    ("ct_status", "u2", "conntrack", "STATUS_ bits after the packet"),
    ("tcp_state", "u1", "conntrack", "TCPS_ after the packet; SCTPS_ or DCCPS_ for those protocols"),
    ("timeout_ns", "i8", "conntrack", "time left to the entry after the packet; 0 without an entry"),
    ("row", "u4", "conntrack", "table row of the entry (valid only while the batch is current); 0 for none"),
    ("flow", "u4", "replay", "number of the flow the packet belongs to, 0 for none"),
    ("parent", "u4", "replay", "number of the flow that announced this one, 0 for none"),
    ("datagram", "u8", "replay", "first frame of the datagram that this fragment is a part of, 0 for all others"),
    ("bound_low", "u4", "conntrack", "TCP: lower end of what was acceptable, where reason names a sequence check"),
    ("bound_high", "u4", "conntrack", "TCP: upper end of what was acceptable"),
    ("seen", "u4", "conntrack", "TCP: the value that failed"),
)

#: One row a flow, written when it ends. [0] is the original direction, [1] the reply.
FLOW_DTYPE = np.dtype(
    [
        ("flow", "u4"),  # number, in order of first sight
        ("parent", "u4"),  # flow that announced this one (expectation), else 0
        ("helper", "u1"),  # HELPER_ that reads it, or that announced it, else 0
        ("src_hi", "u8"),
        ("src_lo", "u8"),
        ("dst_hi", "u8"),
        ("dst_lo", "u8"),
        ("sport", "u2"),
        ("dport", "u2"),
        ("l3", "u1"),
        ("proto", "u1"),
        ("icmp_type", "u1"),
        ("icmp_code", "u1"),
        ("zone", "u2"),
        ("vlan", "u2"),
        ("iif", "u2"),
        ("oif", "u2"),
        ("first_frame", "u8"),  # frame numbers count through the whole stream, from 1
        ("last_frame", "u8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("end_ns", "i8"),  # when the entry left the table
        ("packets", "u8", (2,)),
        ("bytes", "u8", (2,)),  # IP bytes on the wire
        ("tcp_flags", "u1", (2,)),  # union of the flags seen
        ("tcp_state", "u1"),  # TCPS_, SCTPS_ or DCCPS_ at the end
        ("end", "u1"),  # END_
        ("status", "u2"),  # STATUS_ bits at the end
        ("blocked", "u1"),  # 1: never had an entry, its packets were not let through
        ("history", "S24"),  # letters as Zeek's, upper case original, lower case reply
        ("accepted", "u4"),  # packets by verdict
        ("dropped", "u4"),
        ("rejected", "u4"),
        ("undecided", "u4"),
        ("invalid", "u4"),  # packets of this five-tuple that conntrack called INVALID
        ("rule", "u4"),  # rule that decided the first packet
        ("reason", "u2"),  # reason of the first packet that was not accepted
        ("first_blocked_frame", "u8"),  # first packet of the same pair of endpoints that was refused before the flow existed, else 0
        ("blocked_before", "u4"),  # how many such packets
        ("first_reply_ns", "i8"),  # time of the first reply packet, 0 for none
        ("max_gap_ns", "i8"),  # longest pause between two packets of the flow
        ("ttl", "u1"),  # TTL or hop limit of the first packet
    ],
    align=True,  # what fills the rows (``replay.flow_rows``) writes whole words
)


def _allocate(columns: tuple[tuple[str, str, str, str], ...]) -> dict[str, Any]:
    return {name: np.zeros(BATCH_FRAMES + 1, dtype) for name, dtype, _, _ in columns}


def _zeros(size: int) -> Any:
    return np.zeros(size, np.uint8)


def _views(arrays: dict[str, Any]) -> dict[str, memoryview]:
    return {name: memoryview(array) for name, array in arrays.items()}


class PacketBatch:
    """Up to ``BATCH_FRAMES`` consecutive frames of a stream, and the bytes they came from.

    ``arrays`` maps each name in PACKET_COLUMNS to its array; ``buffer`` is the uint8 array behind ``data``.
    """

    def __init__(self) -> None:
        self.arrays = _allocate(PACKET_COLUMNS)
        self.buffer = _zeros(BUFFER_BYTES + SCRATCH_BYTES)
        self.count = 0
        #: Number, through the whole stream and from 1, of the frame in row 0.
        self.first_frame = 1
        #: Bytes of ``data`` that hold capture bytes.
        self.data_len = 0
        self.data = memoryview(self.buffer)
        view = _views(self.arrays)
        self.ts_ns = view["ts_ns"]
        self.offset = view["offset"]
        self.caplen = view["caplen"]
        self.origlen = view["origlen"]
        self.linktype = view["linktype"]
        self.if_id = view["if_id"]
        self.file_id = view["file_id"]
        self.file_frame = view["file_frame"]
        self.frame_flags = view["frame_flags"]
        self.anomalies = view["anomalies"]
        self.ethertype = view["ethertype"]
        self.vlan = view["vlan"]
        self.l3 = view["l3"]
        self.proto = view["proto"]
        self.l3_off = view["l3_off"]
        self.l4_off = view["l4_off"]
        self.payload_off = view["payload_off"]
        self.end_off = view["end_off"]
        self.ip_len = view["ip_len"]
        self.l4_len = view["l4_len"]
        self.payload_len = view["payload_len"]
        self.src_hi = view["src_hi"]
        self.src_lo = view["src_lo"]
        self.dst_hi = view["dst_hi"]
        self.dst_lo = view["dst_lo"]
        self.sport = view["sport"]
        self.dport = view["dport"]
        self.icmp_type = view["icmp_type"]
        self.icmp_code = view["icmp_code"]
        self.ttl = view["ttl"]
        self.tos = view["tos"]
        self.ip_id = view["ip_id"]
        self.frag = view["frag"]
        self.tcp_flags = view["tcp_flags"]
        self.tcp_opts = view["tcp_opts"]
        self.seq = view["seq"]
        self.ack = view["ack"]
        self.win_raw = view["win_raw"]
        self.wscale = view["wscale"]
        self.mss = view["mss"]
        self.sack_max = view["sack_max"]
        self.ip_csum = view["ip_csum"]
        self.l4_csum = view["l4_csum"]
        self.iif = view["iif"]
        self.oif = view["oif"]
        self.path = view["path"]
        self.zone = view["zone"]
        self.hash = view["hash"]

    def show(self, other: PacketBatch) -> None:
        """Be another batch: its rows and bytes, in its memory."""
        self.arrays = other.arrays
        self.buffer = other.buffer
        self.count = other.count
        self.first_frame = other.first_frame
        self.data_len = other.data_len
        self.data = other.data
        self.ts_ns = other.ts_ns
        self.offset = other.offset
        self.caplen = other.caplen
        self.origlen = other.origlen
        self.linktype = other.linktype
        self.if_id = other.if_id
        self.file_id = other.file_id
        self.file_frame = other.file_frame
        self.frame_flags = other.frame_flags
        self.anomalies = other.anomalies
        self.ethertype = other.ethertype
        self.vlan = other.vlan
        self.l3 = other.l3
        self.proto = other.proto
        self.l3_off = other.l3_off
        self.l4_off = other.l4_off
        self.payload_off = other.payload_off
        self.end_off = other.end_off
        self.ip_len = other.ip_len
        self.l4_len = other.l4_len
        self.payload_len = other.payload_len
        self.src_hi = other.src_hi
        self.src_lo = other.src_lo
        self.dst_hi = other.dst_hi
        self.dst_lo = other.dst_lo
        self.sport = other.sport
        self.dport = other.dport
        self.icmp_type = other.icmp_type
        self.icmp_code = other.icmp_code
        self.ttl = other.ttl
        self.tos = other.tos
        self.ip_id = other.ip_id
        self.frag = other.frag
        self.tcp_flags = other.tcp_flags
        self.tcp_opts = other.tcp_opts
        self.seq = other.seq
        self.ack = other.ack
        self.win_raw = other.win_raw
        self.wscale = other.wscale
        self.mss = other.mss
        self.sack_max = other.sack_max
        self.ip_csum = other.ip_csum
        self.l4_csum = other.l4_csum
        self.iif = other.iif
        self.oif = other.oif
        self.path = other.path
        self.zone = other.zone
        self.hash = other.hash

    def resize(self, size: cython.ulonglong) -> None:
        """Make room for ``size`` capture bytes (a frame longer than the buffer), keeping what is there."""
        if size + SCRATCH_BYTES > len(self.buffer):
            grown = _zeros(size + SCRATCH_BYTES)
            grown[: self.data_len] = self.buffer[: self.data_len]
            self.buffer = grown
            self.data = memoryview(grown)


class VerdictBatch:
    """What the engine says of each packet of a batch; ``arrays`` maps each name in VERDICT_COLUMNS to its array."""

    def __init__(self) -> None:
        self.arrays = _allocate(VERDICT_COLUMNS)
        view = _views(self.arrays)
        self.verdict = view["verdict"]
        self.decided = view["decided"]
        self.rule = view["rule"]
        self.chain = view["chain"]
        self.cause = view["cause"]
        self.hook = view["hook"]
        self.reason = view["reason"]
        self.ct_state = view["ct_state"]
        self.direction = view["direction"]
        self.ct_status = view["ct_status"]
        self.tcp_state = view["tcp_state"]
        self.timeout_ns = view["timeout_ns"]
        self.row = view["row"]
        self.flow = view["flow"]
        self.parent = view["parent"]
        self.datagram = view["datagram"]
        self.bound_low = view["bound_low"]
        self.bound_high = view["bound_high"]
        self.seen = view["seen"]
