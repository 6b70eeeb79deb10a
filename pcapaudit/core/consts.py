"""Numbers that the compiled modules share, one group per idea.

The twin ``consts.pxd`` holds the same names as C constants, so that the compiled loops see literals; ``tests/core/test_consts.py``
compares the two. A hot module takes its names like this::

    if not cython.compiled:
        from pcapaudit.core.consts import CT_NEW      # and in its .pxd: from pcapaudit.core.consts cimport CT_NEW

Where Linux has a number for the same thing (hooks, TCP states, status bits) it is used unchanged.
Names for people are in ``vocab.py``.
"""

# Batches -------------------------------------------------------------------------------------------------------------------------
# Rows of a batch; the row after the last one is scratch space for a reassembled datagram.
BATCH_FRAMES = 4096
# Bytes of capture data that a batch refers to, before the scratch space.
BUFFER_BYTES = 0x40000
# Scratch bytes behind the buffer: one reassembled IP datagram (65 535 and an IPv6 header) and some slack.
SCRATCH_BYTES = 0x11000
# Packets that are looked up together, so that their table rows arrive from memory side by side.
GROUP_PACKETS = 32

# Protocols (IANA) ----------------------------------------------------------------------------------------------------------------
PROTO_HOPOPT = 0
PROTO_ICMP = 1
PROTO_IPIP = 4
PROTO_TCP = 6
PROTO_UDP = 17
PROTO_DCCP = 33
PROTO_IPV6 = 41
PROTO_ROUTING = 43
PROTO_FRAGMENT = 44
PROTO_GRE = 47
PROTO_ESP = 50
PROTO_AH = 51
PROTO_ICMPV6 = 58
PROTO_NONE = 59
PROTO_DSTOPTS = 60
PROTO_SCTP = 132
PROTO_MOBILITY = 135
PROTO_UDPLITE = 136

# TCP flag bits, as on the wire (column ``tcp_flags``) -----------------------------------------------------------------------------
TCP_FIN = 0x01
TCP_SYN = 0x02
TCP_RST = 0x04
TCP_PSH = 0x08
TCP_ACK = 0x10
TCP_URG = 0x20
TCP_ECE = 0x40
TCP_CWR = 0x80

# TCP options seen (column ``tcp_opts``) -------------------------------------------------------------------------------------------
OPT_MSS = 0x01
OPT_WSCALE = 0x02
OPT_SACK_PERM = 0x04
OPT_SACK = 0x08
OPT_TIMESTAMP = 0x10
OPT_OTHER = 0x20
OPT_BAD = 0x40

# Conntrack: state, direction, status, state of the protocol ------------------------------------------------------------------------
CT_NONE = 0
CT_NEW = 1
CT_ESTABLISHED = 2
CT_RELATED = 3
CT_INVALID = 4
CT_UNTRACKED = 5

DIR_ORIGINAL = 0
DIR_REPLY = 1
DIR_NONE = 2

STATUS_EXPECTED = 0x0001
STATUS_SEEN_REPLY = 0x0002
STATUS_ASSURED = 0x0004
STATUS_CONFIRMED = 0x0008
STATUS_SRC_NAT = 0x0010
STATUS_DST_NAT = 0x0020
STATUS_SRC_NAT_DONE = 0x0080
STATUS_DST_NAT_DONE = 0x0100
STATUS_DYING = 0x0200
STATUS_FIXED_TIMEOUT = 0x0400
STATUS_UNTRACKED = 0x1000
STATUS_HELPER = 0x2000

# Helpers: what reads a control channel (four bits of a connection's row).
HELPER_NONE = 0
HELPER_FTP = 1
HELPER_TFTP = 2
HELPER_SIP = 3
HELPER_IRC = 4
HELPER_PPTP = 5
HELPER_Q931 = 6
HELPER_H245 = 7
HELPER_RAS = 8
HELPER_AMANDA = 9
HELPER_NETBIOS_NS = 10
HELPER_SNMP = 11
HELPER_SANE = 12

TCPS_NONE = 0
TCPS_SYN_SENT = 1
TCPS_SYN_RECV = 2
TCPS_ESTABLISHED = 3
TCPS_FIN_WAIT = 4
TCPS_CLOSE_WAIT = 5
TCPS_LAST_ACK = 6
TCPS_TIME_WAIT = 7
TCPS_CLOSE = 8
TCPS_SYN_SENT2 = 9

SCTPS_NONE = 0
SCTPS_CLOSED = 1
SCTPS_COOKIE_WAIT = 2
SCTPS_COOKIE_ECHOED = 3
SCTPS_ESTABLISHED = 4
SCTPS_SHUTDOWN_SENT = 5
SCTPS_SHUTDOWN_RECD = 6
SCTPS_SHUTDOWN_ACK_SENT = 7
SCTPS_HEARTBEAT_SENT = 8

DCCPS_NONE = 0
DCCPS_REQUEST = 1
DCCPS_RESPOND = 2
DCCPS_PARTOPEN = 3
DCCPS_OPEN = 4
DCCPS_CLOSEREQ = 5
DCCPS_CLOSING = 6
DCCPS_TIMEWAIT = 7

# Verdicts, hooks, ways through the firewall ---------------------------------------------------------------------------------------
VERDICT_SKIP = 0
VERDICT_ACCEPT = 1
VERDICT_DROP = 2
VERDICT_REJECT = 3

HOOK_PREROUTING = 0
HOOK_INPUT = 1
HOOK_FORWARD = 2
HOOK_OUTPUT = 3
HOOK_POSTROUTING = 4
HOOK_INGRESS = 5
HOOK_NONE = 255

# Which hooks a packet passes: forward = prerouting, forward, postrouting; input = prerouting, input; output = output, postrouting.
PATH_UNKNOWN = 0
PATH_FORWARD = 1
PATH_INPUT = 2
PATH_OUTPUT = 3

# No interface known (columns ``iif`` and ``oif``), and no VLAN tag (column ``vlan``).
IFACE_UNKNOWN = 0xFFFF
IFACE_NONE = 0xFFFE
VLAN_NONE = 0xFFFF
# Column ``frag``: bits of a datagram's part; and the bit of an IPv6 packet that is whole in spite of its fragment header.
FRAG_PART = 0x9FFF
FRAG_ATOMIC = 0x4000

# Checksums (columns ``ip_csum`` and ``l4_csum``) ----------------------------------------------------------------------------------
CSUM_UNCHECKED = 0
CSUM_GOOD = 1
CSUM_BAD = 2
# The field holds just the folded pseudo-header sum: the sender's network card was to finish it.
CSUM_OFFLOADED = 3
# UDP over IPv4 with the field zero.
CSUM_ABSENT = 4

# Frame flags (column ``frame_flags``), from pcapng epb_flags where the file has them ----------------------------------------------
FRAME_INBOUND = 0x01
FRAME_OUTBOUND = 0x02
FRAME_CSUM_NOT_READY = 0x04
FRAME_CSUM_VALID = 0x08
FRAME_TSO = 0x10
FRAME_NO_TIME = 0x20
FRAME_LINK_ERROR = 0x40

# Why a flow ended -----------------------------------------------------------------------------------------------------------------
END_NONE = 0
END_CLOSED = 1
END_RESET = 2
END_TIMEOUT = 3
END_REPLACED = 4
END_EVICTED = 5
END_EOF = 6
END_BLOCKED = 7

# Reasons (column ``reason``): why a packet is not accepted, or why conntrack calls it invalid or ignores it ------------------------
REASON_NONE = 0
REASON_POLICY = 1
REASON_RULE = 2
REASON_NOT_IP = 3
REASON_FRAGMENT_QUEUED = 4
REASON_BAD_IP_HEADER = 5
REASON_TABLE_FULL = 6
REASON_CLASH = 7
REASON_TRUNCATED = 8
REASON_FRAGMENT_DROPPED = 9
REASON_MARTIAN = 10
REASON_HELPER = 11
REASON_SEEN_TRANSLATED = 12
REASON_FRAGMENT_TIMEOUT = 13
REASON_FRAGMENT_OPEN = 14
# Layer 4 in general
REASON_SHORT_HEADER = 16
REASON_BAD_CHECKSUM = 17
REASON_BAD_LENGTH = 18
REASON_NOT_TRACKABLE = 19
# TCP
REASON_TCP_FLAGS = 32
REASON_TCP_STATE = 33
REASON_TCP_SEQ_OVER = 34
REASON_TCP_SEQ_UNDER = 35
REASON_TCP_ACK_OVER = 36
REASON_TCP_ACK_UNDER = 37
REASON_TCP_RST_SEQ = 38
REASON_TCP_NO_PICKUP = 39
REASON_TCP_IGNORED = 40
REASON_TCP_CHALLENGE_ACK = 41
REASON_TCP_SYN_ON_LIVE = 42
REASON_TCP_NOT_OPENING = 43
REASON_TCP_SYNACK_IGNORED = 44
REASON_TCP_OVERSHOT = 45
# ICMP and ICMPv6
REASON_ICMP_TYPE = 64
REASON_ICMP_NO_REQUEST = 65
REASON_ICMP_QUOTE_SHORT = 66
REASON_ICMP_QUOTE_UNKNOWN = 67
REASON_ICMP_QUOTE_MISMATCH = 68
REASON_ICMP_REDIRECT = 69
REASON_ICMP_OFF_PATH = 70
# SCTP, UDP-Lite, DCCP
REASON_SCTP_VTAG = 80
REASON_SCTP_CHUNK = 81
REASON_UDPLITE_COVERAGE = 82
REASON_SCTP_NOT_OPENING = 83
REASON_SCTP_BUNDLE = 84
REASON_SCTP_IGNORED = 85
REASON_DCCP_TYPE = 88
REASON_DCCP_STATE = 89
REASON_DCCP_IGNORED = 90
REASON_DCCP_NOT_OPENING = 91

# Anomalies (column ``anomalies``): bit numbers; the mask is ``1 << ANOM_x`` -------------------------------------------------------
# capture/
ANOM_TIME_BACKWARDS = 0
ANOM_NO_TIMESTAMP = 1
ANOM_CAPLEN_OVER_SNAPLEN = 2
ANOM_CAPLEN_OVER_ORIGLEN = 3
ANOM_LINK_ERROR = 4
# wire/
ANOM_UNKNOWN_LINKTYPE = 8
ANOM_LINK_TRUNCATED = 9
ANOM_LINK_MALFORMED = 10
ANOM_LAYER_LIMIT = 11
ANOM_IP_TRUNCATED = 12
ANOM_IP_VERSION = 13
ANOM_IP_HEADER_LEN = 14
ANOM_IP_LEN_ZERO = 15
ANOM_IP_LEN_OVER_FRAME = 16
ANOM_IP_CHECKSUM = 17
ANOM_IP_OPTIONS = 18
ANOM_IP_OPTIONS_BAD = 19
ANOM_IP6_EXT_BAD = 20
ANOM_IP6_EXT_LIMIT = 21
ANOM_FRAGMENT = 22
ANOM_FRAGMENT_TINY = 23
ANOM_L4_TRUNCATED = 24
ANOM_L4_LENGTH = 25
ANOM_L4_CHECKSUM = 26
ANOM_L4_CHECKSUM_OFFLOADED = 27
ANOM_TCP_HEADER_LEN = 28
ANOM_TCP_OPTIONS_BAD = 29
ANOM_PAYLOAD_TRUNCATED = 30
ANOM_IP_RESERVED_FLAG = 31
ANOM_SAME_ENDPOINTS = 32
ANOM_PORT_ZERO = 33
ANOM_TUNNEL = 34
# conntrack/ and replay/
ANOM_FRAGMENT_OVERLAP = 40
ANOM_FRAGMENT_TIMEOUT = 41
ANOM_FRAGMENT_LIMIT = 42
ANOM_MIDSTREAM = 43
ANOM_RETRANSMISSION = 44
ANOM_HELPER_BLIND = 45
ANOM_EXPECT_LIMIT = 46
