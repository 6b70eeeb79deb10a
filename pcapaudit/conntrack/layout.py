"""The layout of a row of the connection table, and of the list of timers: positions that the compiled modules share.

A row is 128 bytes, two cache lines: what every packet needs first, then what TCP, SCTP or DCCP needs. Words are 32 bits; ``Q_`` counts
64-bit words.
The twin ``layout.pxd`` holds the same names as C constants.
"""

ROW_WORDS = 32
ROW_QUADS = 16

# First line ------------------------------------------------------------------------------------------------------------------------
# Original source and destination address, upper and lower halves.
Q_SRC_HI = 0
Q_SRC_LO = 1
Q_DST_HI = 2
Q_DST_LO = 3
# Source port | destination port << 16. ICMP: identifier | type << 16 | code << 24. A free row: the next free row.
W_PORTS = 8
# Protocol | IP version << 8 | conntrack zone << 16.
W_PROTO = 9
# Number of the flow.
W_FLOW = 10
# ct status | state of the protocol (TCPS_, SCTPS_, DCCPS_) << 16 | helper << 20 | kind of row << 24. The helper (HELPER_) is the
# connection's own (STATUS_HELPER), or else the one that announced it (STATUS_EXPECTED).
W_STATUS = 11
# When the entry expires, ns since 1970.
Q_EXPIRES = 6
# TCP: kind of the last segment | its direction << 8 | retransmissions << 16. Blocked record: its place in the ring.
W_LAST = 14
# Number of the flow that announced this one.
W_PARENT = 15

# Second line -----------------------------------------------------------------------------------------------------------------------
# TCP: what each side did, original first.
W_SIDE = 16
SIDE_WORDS = 5
SIDE_END = 0
SIDE_MAXEND = 1
SIDE_MAXWIN = 2
SIDE_MAXACK = 3
# SIDE_ flags | window scale << 8 | number of an outcome << 16. The outcome is what the rules said of the last whole packet that the side
# sent (0: nothing to remember); it stands here for other protocols, too, whose own words must leave these two free.
SIDE_FLAGS = 4
OUTCOME_SHIFT = 16
W_LAST_SEQ = 26
W_LAST_ACK = 27
W_LAST_END = 28
# Window, as on the wire | window scale << 16 | SIDE_ flags << 24.
W_LAST_WIN = 29
# UDP: when an exchange becomes a stream, ns since 1970 (in place of a TCP side).
Q_STREAM = 8
# SCTP (in place of a TCP side): the verification tag that each side's packets carry, original first; then SCTP_ notes.
W_SCTP_TAGS = 16
W_SCTP_NOTES = 18
# DCCP (in place of a TCP side): sequence number of the last Response; then DCCP_ notes.
Q_DCCP_RESPONSE = 8
W_DCCP_NOTES = 18
# Translations: what is not known of the leaving tuple (HIDE_ bits), and of the original tuple (shifted by 4); NOTE_ bits; and the rule
# whose unknown match leaves it open.
W_NAT_NOTES = 16
W_NAT_CAUSE = 17
# The connection's mark; of a blocked record 1 when one of its packets was undecidable.
W_MARK = 30
W_HASH = 31

HELPER_SHIFT = 20
# A helper as rules and ports assign it: HELPER_, and the IP versions that it reads.
HELPER_IPV4 = 0x40
HELPER_IPV6 = 0x80

# Kinds of rows.
KIND_FREE = 0
KIND_CONNECTION = 1
KIND_BLOCKED = 2
# What NAT makes of a connection: a row whose key is the tuple that its first packet leaves with, and whose W_PARENT is the connection.
KIND_TRANSLATION = 3

# Notes of a translation: frames from behind the firewall were seen; its key is in the index; the connection's NAT bits are not known; the
# connection was first seen behind the firewall, so that its own key is the leaving tuple.
NOTE_SEEN_BEHIND = 0x100
NOTE_INDEXED = 0x200
NOTE_STATUS_OPEN = 0x400
NOTE_KEY_LEAVES = 0x800
# Bit of W_STATUS, in a place where Linux has one that no connection in its table has: the connection has a translation. It is not shown.
ROW_TRANSLATED = 0x0800
# Another one: whether the connection is there at all hangs on something unknown, for its first packet was undecidable.
ROW_UNSURE = 0x4000
STATUS_SHOWN = 0xB7FF

# TCP flags of a side, with the numbers of Linux.
SIDE_WSCALE = 0x01
SIDE_SACK_PERM = 0x02
SIDE_CLOSE_INIT = 0x04
SIDE_LIBERAL = 0x08
SIDE_UNACKED = 0x10
SIDE_MAXACK_SET = 0x20
SIDE_CHALLENGE = 0x40
SIDE_SIMULTANEOUS = 0x80

# SCTP notes. An INIT of the original side was seen (of the reply side: shifted by one); a HEARTBEAT carried a wrong tag; it was the reply
# side's; the last chunk that closed the association was an ABORT.
SCTP_INIT = 0x01
SCTP_TAG_FAILED = 0x04
SCTP_FAILED_REPLY = 0x08
SCTP_ABORTED = 0x10

# DCCP notes. Type of the last packet that counted, its direction; the client is the reply side; a Reset said something else than "closed".
DCCP_LAST_TYPE = 0x0F
DCCP_LAST_REPLY = 0x10
DCCP_CLIENT_REPLY = 0x20
DCCP_ABORTED = 0x40

# Kinds of TCP segments: rows of the state table.
SEG_SYN = 0
SEG_SYNACK = 1
SEG_FIN = 2
SEG_ACK = 3
SEG_RST = 4
SEG_NONE = 5

# What the state table says besides a state.
GO_IGNORE = 14
GO_INVALID = 15

# Timers: places in the list of time-outs; 1 to 9 are the TCP states.
TIMER_TCP_RETRANS = 10
TIMER_TCP_UNACK = 11
TIMER_UDP = 12
TIMER_UDP_STREAM = 13
TIMER_ICMP = 14
TIMER_ICMPV6 = 15
TIMER_GENERIC = 16
TIMER_GRE = 17
TIMER_GRE_STREAM = 18
# Eight SCTP states (1 closed … 8 heartbeat_sent) follow TIMER_SCTP, seven DCCP states follow TIMER_DCCP.
TIMER_SCTP = 18
TIMER_DCCP = 27
TIMER_FRAG4 = 35
TIMER_FRAG6 = 36
TIMERS = 37

# What a protocol makes of a packet.
TRACK_INVALID = 0
TRACK_ACCEPT = 1
TRACK_REOPEN = 2
# The connection ends with this packet.
TRACK_LAST = 3

# What the tracker makes of a packet.
TO_RULES = 0
TO_SKIP = 1
TO_DROP = 2
# To the rules, as a whole packet of a connection that an earlier one made.
TO_RULES_AGAIN = 3
