"""Names of the numbers in ``consts.py``: what people read in reports, files and messages.

Every name is stable: it never changes its meaning and is never reused.
"""

from __future__ import annotations

from pcapaudit.core import consts

__all__ = [
    "ANOMALIES",
    "ANOMALY_TEXTS",
    "CHECKSUMS",
    "CT_STATES",
    "CT_STATUS_BITS",
    "DCCP_STATES",
    "DIRECTIONS",
    "END_REASONS",
    "FILE_ANOMALIES",
    "HELPERS",
    "HOOKS",
    "IPV4_HELPERS",
    "PATHS",
    "PROTOCOLS",
    "REASONS",
    "REASON_TEXTS",
    "SCTP_STATES",
    "TCP_FLAG_LETTERS",
    "TCP_STATES",
    "VERDICTS",
    "anomaly_names",
    "status_names",
]

CT_STATES = {
    consts.CT_NONE: "",
    consts.CT_NEW: "new",
    consts.CT_ESTABLISHED: "established",
    consts.CT_RELATED: "related",
    consts.CT_INVALID: "invalid",
    consts.CT_UNTRACKED: "untracked",
}
DIRECTIONS = {consts.DIR_ORIGINAL: "original", consts.DIR_REPLY: "reply", consts.DIR_NONE: ""}
VERDICTS = {
    consts.VERDICT_SKIP: "skip",
    consts.VERDICT_ACCEPT: "accept",
    consts.VERDICT_DROP: "drop",
    consts.VERDICT_REJECT: "reject",
}
HOOKS = {
    consts.HOOK_PREROUTING: "prerouting",
    consts.HOOK_INPUT: "input",
    consts.HOOK_FORWARD: "forward",
    consts.HOOK_OUTPUT: "output",
    consts.HOOK_POSTROUTING: "postrouting",
    consts.HOOK_INGRESS: "ingress",
    consts.HOOK_NONE: "",
}
PATHS = {
    consts.PATH_UNKNOWN: "unknown",
    consts.PATH_FORWARD: "forward",
    consts.PATH_INPUT: "input",
    consts.PATH_OUTPUT: "output",
}
TCP_STATES = {
    consts.TCPS_NONE: "",
    consts.TCPS_SYN_SENT: "syn_sent",
    consts.TCPS_SYN_RECV: "syn_recv",
    consts.TCPS_ESTABLISHED: "established",
    consts.TCPS_FIN_WAIT: "fin_wait",
    consts.TCPS_CLOSE_WAIT: "close_wait",
    consts.TCPS_LAST_ACK: "last_ack",
    consts.TCPS_TIME_WAIT: "time_wait",
    consts.TCPS_CLOSE: "close",
    consts.TCPS_SYN_SENT2: "syn_sent2",
}
SCTP_STATES = {
    consts.SCTPS_NONE: "",
    consts.SCTPS_CLOSED: "closed",
    consts.SCTPS_COOKIE_WAIT: "cookie_wait",
    consts.SCTPS_COOKIE_ECHOED: "cookie_echoed",
    consts.SCTPS_ESTABLISHED: "established",
    consts.SCTPS_SHUTDOWN_SENT: "shutdown_sent",
    consts.SCTPS_SHUTDOWN_RECD: "shutdown_recd",
    consts.SCTPS_SHUTDOWN_ACK_SENT: "shutdown_ack_sent",
    consts.SCTPS_HEARTBEAT_SENT: "heartbeat_sent",
}
DCCP_STATES = {
    consts.DCCPS_NONE: "",
    consts.DCCPS_REQUEST: "request",
    consts.DCCPS_RESPOND: "respond",
    consts.DCCPS_PARTOPEN: "partopen",
    consts.DCCPS_OPEN: "open",
    consts.DCCPS_CLOSEREQ: "closereq",
    consts.DCCPS_CLOSING: "closing",
    consts.DCCPS_TIMEWAIT: "timewait",
}
CT_STATUS_BITS = {
    consts.STATUS_EXPECTED: "expected",
    consts.STATUS_SEEN_REPLY: "seen_reply",
    consts.STATUS_ASSURED: "assured",
    consts.STATUS_CONFIRMED: "confirmed",
    consts.STATUS_SRC_NAT: "src_nat",
    consts.STATUS_DST_NAT: "dst_nat",
    consts.STATUS_SRC_NAT_DONE: "src_nat_done",
    consts.STATUS_DST_NAT_DONE: "dst_nat_done",
    consts.STATUS_DYING: "dying",
    consts.STATUS_FIXED_TIMEOUT: "fixed_timeout",
    consts.STATUS_UNTRACKED: "untracked",
    consts.STATUS_HELPER: "helper",
}
#: Names as Linux's modules have them.
HELPERS = {
    consts.HELPER_NONE: "",
    consts.HELPER_FTP: "ftp",
    consts.HELPER_TFTP: "tftp",
    consts.HELPER_SIP: "sip",
    consts.HELPER_IRC: "irc",
    consts.HELPER_PPTP: "pptp",
    consts.HELPER_Q931: "Q.931",
    consts.HELPER_H245: "H.245",
    consts.HELPER_RAS: "RAS",
    consts.HELPER_AMANDA: "amanda",
    consts.HELPER_NETBIOS_NS: "netbios-ns",
    consts.HELPER_SNMP: "snmp",
    consts.HELPER_SANE: "sane",
}
#: Helpers that Linux registers for IPv4 alone.
IPV4_HELPERS = frozenset({consts.HELPER_IRC, consts.HELPER_PPTP, consts.HELPER_NETBIOS_NS, consts.HELPER_SNMP})
END_REASONS = {
    consts.END_NONE: "",
    consts.END_CLOSED: "closed",
    consts.END_RESET: "reset",
    consts.END_TIMEOUT: "timeout",
    consts.END_REPLACED: "replaced",
    consts.END_EVICTED: "evicted",
    consts.END_EOF: "eof",
    consts.END_BLOCKED: "blocked",
}
CHECKSUMS = {
    consts.CSUM_UNCHECKED: "unchecked",
    consts.CSUM_GOOD: "good",
    consts.CSUM_BAD: "bad",
    consts.CSUM_OFFLOADED: "offloaded",
    consts.CSUM_ABSENT: "absent",
}
PROTOCOLS = {
    consts.PROTO_HOPOPT: "hopopt",
    consts.PROTO_ICMP: "icmp",
    2: "igmp",
    consts.PROTO_IPIP: "ipip",
    consts.PROTO_TCP: "tcp",
    consts.PROTO_UDP: "udp",
    consts.PROTO_DCCP: "dccp",
    consts.PROTO_IPV6: "ipv6",
    consts.PROTO_GRE: "gre",
    consts.PROTO_ESP: "esp",
    consts.PROTO_AH: "ah",
    consts.PROTO_ICMPV6: "icmpv6",
    88: "eigrp",
    89: "ospf",
    103: "pim",
    112: "vrrp",
    115: "l2tp",
    consts.PROTO_SCTP: "sctp",
    consts.PROTO_UDPLITE: "udplite",
}
TCP_FLAG_LETTERS = "FSRPAUEC"

#: reason → (code, what it means)
_REASONS: dict[int, tuple[str, str]] = {
    consts.REASON_NONE: ("", "nothing to object"),
    consts.REASON_POLICY: ("policy", "no rule decided: the chain's policy did"),
    consts.REASON_RULE: ("rule", "a rule decided"),
    consts.REASON_NOT_IP: ("not-ip", "the frame holds no IP packet"),
    consts.REASON_FRAGMENT_QUEUED: ("fragment-queued", "a fragment whose datagram was not whole when the capture ended"),
    consts.REASON_BAD_IP_HEADER: ("bad-ip-header", "the IP header is one that a host drops before any rule"),
    consts.REASON_TABLE_FULL: ("table-full", "the connection table has reached its limit"),
    consts.REASON_CLASH: ("clash", "another connection took the same tuple first"),
    consts.REASON_TRUNCATED: ("truncated", "the capture holds too little of the packet to judge it"),
    consts.REASON_FRAGMENT_DROPPED: ("fragment-dropped", "a fragment that reassembly refuses, or whose datagram a later one spoilt"),
    consts.REASON_MARTIAN: ("martian", "an address that a host drops while routing"),
    consts.REASON_HELPER: (
        "helper",
        "the rules let it through, and the connection's helper drops it: it announces what cannot be expected",
    ),
    consts.REASON_SEEN_TRANSLATED: ("seen-translated", "the packet of an earlier frame again, on the other side of the NAT"),
    consts.REASON_FRAGMENT_TIMEOUT: ("fragment-timeout", "a fragment whose datagram was not whole in time"),
    consts.REASON_FRAGMENT_OPEN: ("fragment-open", "a fragment whose datagram stayed open for longer than verdicts are held back"),
    consts.REASON_SHORT_HEADER: ("short-header", "the packet is shorter than its transport header"),
    consts.REASON_BAD_CHECKSUM: ("bad-checksum", "the transport checksum is wrong"),
    consts.REASON_BAD_LENGTH: ("bad-length", "the transport length contradicts the packet's"),
    consts.REASON_NOT_TRACKABLE: ("not-trackable", "conntrack cannot make a tuple of this packet"),
    consts.REASON_TCP_FLAGS: ("tcp-flags", "a combination of TCP flags that no TCP sends"),
    consts.REASON_TCP_STATE: ("tcp-state", "a TCP packet that the connection's state does not allow"),
    consts.REASON_TCP_SEQ_OVER: ("tcp-seq-over", "data beyond the receiver's window"),
    consts.REASON_TCP_SEQ_UNDER: ("tcp-seq-under", "data acknowledged long ago"),
    consts.REASON_TCP_ACK_OVER: ("tcp-ack-over", "acknowledges data that nobody sent"),
    consts.REASON_TCP_ACK_UNDER: ("tcp-ack-under", "an acknowledgement older than the receiver's window"),
    consts.REASON_TCP_RST_SEQ: ("tcp-rst-seq", "a RST with a sequence number that does not fit"),
    consts.REASON_TCP_NO_PICKUP: ("tcp-no-pickup", "a packet from the middle of a connection, and tcp_loose is off"),
    consts.REASON_TCP_IGNORED: ("tcp-ignored", "let through without a change of state: the endpoints will settle it"),
    consts.REASON_TCP_CHALLENGE_ACK: ("tcp-challenge-ack", "the answer to a SYN on a live connection"),
    consts.REASON_TCP_SYN_ON_LIVE: ("tcp-syn-on-live", "a SYN on a live connection, let through to be challenged"),
    consts.REASON_TCP_NOT_OPENING: ("tcp-not-opening", "a packet that cannot open a connection"),
    consts.REASON_TCP_SYNACK_IGNORED: ("tcp-synack-ignored", "a SYN-ACK that matches no SYN, let through to be reset"),
    consts.REASON_TCP_OVERSHOT: ("tcp-overshot", "a little more data than the window, let through"),
    consts.REASON_ICMP_TYPE: ("icmp-type", "an ICMP type that cannot open a connection"),
    consts.REASON_ICMP_NO_REQUEST: ("icmp-no-request", "an ICMP reply without its request"),
    consts.REASON_ICMP_QUOTE_SHORT: ("icmp-quote-short", "an ICMP error that quotes too little"),
    consts.REASON_ICMP_QUOTE_UNKNOWN: ("icmp-quote-unknown", "an ICMP error about a packet of no known connection"),
    consts.REASON_ICMP_QUOTE_MISMATCH: ("icmp-quote-mismatch", "an ICMP error sent to another host than the quoted sender"),
    consts.REASON_ICMP_REDIRECT: ("icmp-redirect", "an ICMPv6 redirect that RFC 4861 forbids"),
    consts.REASON_ICMP_OFF_PATH: ("icmp-off-path", "an ICMP error that quotes a TCP segment which is not on its way, let through"),
    consts.REASON_SCTP_VTAG: ("sctp-vtag", "a wrong SCTP verification tag"),
    consts.REASON_SCTP_CHUNK: ("sctp-chunk", "an SCTP chunk that the association's state does not allow"),
    consts.REASON_UDPLITE_COVERAGE: ("udplite-coverage", "an impossible UDP-Lite checksum coverage"),
    consts.REASON_SCTP_NOT_OPENING: ("sctp-not-opening", "an SCTP packet that cannot open an association"),
    consts.REASON_SCTP_BUNDLE: ("sctp-bundle", "SCTP chunks that may not stand together, none at all, or one of length 0"),
    consts.REASON_SCTP_IGNORED: ("sctp-ignored", "an SCTP packet let through without refreshing its entry"),
    consts.REASON_DCCP_TYPE: ("dccp-type", "a reserved DCCP packet type, or one that lacks its 48-bit sequence number"),
    consts.REASON_DCCP_STATE: ("dccp-state", "a DCCP packet that the connection's state does not allow"),
    consts.REASON_DCCP_IGNORED: ("dccp-ignored", "a DCCP packet let through without a change of state"),
    consts.REASON_DCCP_NOT_OPENING: ("dccp-not-opening", "a DCCP packet that cannot open a connection"),
}
REASONS = {number: code for number, (code, _) in _REASONS.items()}
REASON_TEXTS = dict(_REASONS.values())

#: bit number → (code, what it means)
_ANOMALIES: dict[int, tuple[str, str]] = {
    consts.ANOM_TIME_BACKWARDS: ("time-backwards", "the time stamp is earlier than that of a frame before it"),
    consts.ANOM_NO_TIMESTAMP: ("no-timestamp", "the file gives no time stamp: the frame takes the time of the one before"),
    consts.ANOM_CAPLEN_OVER_SNAPLEN: ("caplen-over-snaplen", "more bytes were captured than the file's limit allows"),
    consts.ANOM_CAPLEN_OVER_ORIGLEN: ("caplen-over-origlen", "more bytes were captured than were on the wire"),
    consts.ANOM_LINK_ERROR: ("link-error", "the capturing network card reported an error of the link layer"),
    consts.ANOM_UNKNOWN_LINKTYPE: ("unknown-linktype", "a link layer that is not decoded: the frame is counted and skipped"),
    consts.ANOM_LINK_TRUNCATED: ("link-truncated", "the frame ends within its link layer header"),
    consts.ANOM_LINK_MALFORMED: ("link-malformed", "a link layer header that contradicts itself"),
    consts.ANOM_LAYER_LIMIT: ("layer-limit", "more nested headers than are followed"),
    consts.ANOM_IP_TRUNCATED: ("ip-truncated", "the captured bytes end within the IP header"),
    consts.ANOM_IP_VERSION: ("ip-version", "the version in the IP header is not the one announced"),
    consts.ANOM_IP_HEADER_LEN: ("ip-header-len", "an IP header length that cannot be"),
    consts.ANOM_IP_LEN_ZERO: ("ip-len-zero", "IP length 0, as segmentation offload leaves it: the frame's length is taken"),
    consts.ANOM_IP_LEN_OVER_FRAME: ("ip-len-over-frame", "the IP packet claims to be longer than its frame"),
    consts.ANOM_IP_CHECKSUM: ("ip-checksum", "the checksum of the IPv4 header is wrong"),
    consts.ANOM_IP_OPTIONS: ("ip-options", "the IPv4 header has options"),
    consts.ANOM_IP_OPTIONS_BAD: ("ip-options-bad", "IPv4 options that cannot be read"),
    consts.ANOM_IP6_EXT_BAD: ("ip6-ext-bad", "an IPv6 extension header that cannot be read"),
    consts.ANOM_IP6_EXT_LIMIT: ("ip6-ext-limit", "more IPv6 extension headers than are followed"),
    consts.ANOM_FRAGMENT: ("fragment", "a part of a fragmented packet"),
    consts.ANOM_FRAGMENT_TINY: ("fragment-tiny", "a first fragment too short for its transport header"),
    consts.ANOM_L4_TRUNCATED: ("l4-truncated", "the captured bytes end within the transport header"),
    consts.ANOM_L4_LENGTH: ("l4-length", "a transport length that contradicts the IP length"),
    consts.ANOM_L4_CHECKSUM: ("l4-checksum", "the transport checksum is wrong"),
    consts.ANOM_L4_CHECKSUM_OFFLOADED: ("l4-checksum-offloaded", "a checksum that the sender's network card was to finish"),
    consts.ANOM_TCP_HEADER_LEN: ("tcp-header-len", "a TCP header length that cannot be"),
    consts.ANOM_TCP_OPTIONS_BAD: ("tcp-options-bad", "TCP options that cannot be read"),
    consts.ANOM_PAYLOAD_TRUNCATED: ("payload-truncated", "the capture holds a part of the payload only (snaplen)"),
    consts.ANOM_IP_RESERVED_FLAG: ("ip-reserved-flag", "the reserved bit of the IPv4 flags is set"),
    consts.ANOM_SAME_ENDPOINTS: ("same-endpoints", "source and destination are the same"),
    consts.ANOM_PORT_ZERO: ("port-zero", "a port number 0"),
    consts.ANOM_TUNNEL: ("tunnel", "the packet carries another IP packet, which is not looked into"),
    consts.ANOM_FRAGMENT_OVERLAP: ("fragment-overlap", "fragments that overlap: the datagram is thrown away"),
    consts.ANOM_FRAGMENT_TIMEOUT: ("fragment-timeout", "a datagram whose fragments did not all arrive in time"),
    consts.ANOM_FRAGMENT_LIMIT: ("fragment-limit", "more fragments wait for their datagrams than are kept"),
    consts.ANOM_MIDSTREAM: ("midstream", "a TCP connection whose beginning the capture does not hold"),
    consts.ANOM_RETRANSMISSION: ("retransmission", "a TCP segment that was sent before, in whole or in part"),
    consts.ANOM_HELPER_BLIND: (
        "helper-blind",
        "a helper could not read the packet, which the capture cut off: what it announced is not known",
    ),
    consts.ANOM_EXPECT_LIMIT: ("expect-limit", "a packet announces a connection, and as many as can be are expected already"),
}
ANOMALIES = {number: code for number, (code, _) in _ANOMALIES.items()}
ANOMALY_TEXTS = dict(_ANOMALIES.values())

#: Oddities of a capture file as a whole: code → what it means.
FILE_ANOMALIES = {
    "truncated-record": "the file ends within a record: the frames before it are used",
    "truncated-compression": "the file ends within its compressed data: the frames before that are used",
    "bad-options": "blocks of a pcapng file with options that do not fit into them: the rest of their options is not read",
    "trailing-bytes": "other bytes behind the compressed data: they are not looked at",
}


def anomaly_names(mask: int) -> list[str]:
    """The names of the anomalies in a mask, in bit order."""
    return [name for bit, name in sorted(ANOMALIES.items()) if mask >> bit & 1]


def status_names(status: int) -> list[str]:
    """The names of the ct status bits that are set, in bit order."""
    return [name for bit, name in sorted(CT_STATUS_BITS.items()) if status & bit]
