"""The layout of a row of the flow table: what is counted about a connection, 112 bytes beside its 128 of state.

Words are 32 bits; ``Q_`` counts 64-bit words. The twin ``flow_layout.pxd`` holds the same names as C constants.
"""

FLOW_WORDS = 28
FLOW_QUADS = 14

# What every packet changes: 56 bytes together.
Q_LAST_NS = 0
Q_MAX_GAP_NS = 1
# IP bytes on the wire, original and reply.
Q_BYTES = 2
# Twelve history letters of five bits from the lowest on (HISTORY_ number, 16 more for the reply side); the four highest bits: pure
# acknowledgement and data seen, of either side.
Q_HISTORY = 4
# Packets, original and reply.
W_PACKETS = 10
# Last frame: the lower 32 bits of its number.
W_LAST_FRAME = 12
# Input interface | output interface << 8 | TCP flags of the original side << 16 | of the reply side << 24.
W_WAY = 13

# What few packets change.
Q_FIRST_FRAME = 7
Q_FIRST_NS = 8
Q_FIRST_REPLY_NS = 9
W_DROPPED = 20
W_REJECTED = 21
W_UNDECIDED = 22
W_INVALID = 23
W_RULE = 24
# First frame, less the first frame that was refused before the flow existed; how many were.
W_BLOCKED_FRAME = 25
W_BLOCKED_COUNT = 26
# Reason (all are below 256) | TTL of the first packet << 8 | VLAN << 16.
W_REASON = 27

# History letters, as Zeek's.
HISTORY_SYN = 1
HISTORY_SYNACK = 2
HISTORY_ACK = 3
HISTORY_DATA = 4
HISTORY_FIN = 5
HISTORY_RST = 6
HISTORY_CHECKSUM = 7
HISTORY_RETRANSMISSION = 8
HISTORY_WINDOW = 9
HISTORY_LETTERS = 12

# An element of the output: the connection's row, the flow's row, END_ number, when it ended; in 64-bit words.
OUT_CONNECTION = 0
OUT_FLOW = 16
OUT_WHY = 30
OUT_WHEN = 31
OUT_QUADS = 32
# Ended flows that can wait to be taken.
OUT_ROWS = 8192
# Interfaces that a flow row can name; above come "none" and "unknown".
IFACE_LIMIT = 254
