"""Numbers that the compiler and the evaluator share: operations, fields, tests. The twin ``ops.pxd`` holds them as C constants.

An instruction is four words of ``Program.code``: operation and three operands.
"""

# Operations: word 0 of an instruction ---------------------------------------------------------------------------------------------
# Nothing matched on: the rule ends without a verdict.
OP_END = 1
# MATCH load, test (| TEST_NOT), pool index
OP_MATCH = 2
# LIMIT index
OP_LIMIT = 3
# PART load, slot: read one part of a concatenation.
OP_PART = 4
# TUPLE count of parts, not, pool index: look the parts up.
OP_TUPLE = 5
# SAME_LIMIT: the answer of the LIMIT in the slot before, which a verdict map's slots share.
OP_SAME_LIMIT = 6
# VALUE load: read a value to store. NUMBER pool index: take it from the pool. MAP parts, -, pool index: from a map, by the parts read.
OP_VALUE = 7
OP_NUMBER = 8
OP_MAP = 9
# STORE target: the value becomes the packet's mark, or that of its connection, or its new connection's helper.
OP_STORE = 10
# QUOTA index
OP_QUOTA = 11
# LOOKUP count of parts, not, index of a dynamic set. UPDATE index into the updates.
OP_LOOKUP = 12
OP_UPDATE = 13
OP_NOTRACK = 14
# RECENT index
OP_RECENT = 15
# COUNT index into the counts of connections.
OP_COUNT = 16
# ALIVE index of a lifetime: the element that matched is still there. FADE count of parts, -, pool index: as TUPLE, among elements that live
# for a time; the word before the boxes turns the answer round.
OP_ALIVE = 17
OP_FADE = 18
# TALLY index into Program.tallies, count of parts: note for coverage what a set is asked for.
OP_TALLY = 19
# The terminal operations; JUMP and GOTO have a chain index as operand.
OP_ACCEPT = 20
OP_DROP = 21
OP_REJECT = 22
OP_JUMP = 23
OP_GOTO = 24
OP_RETURN = 25
# Accept, and translate the connection (operand: index into Program.nats); accept or drop, as a program says.
OP_NAT = 26
OP_QUEUE = 27
# Where a program has a DROP for packets that an instruction drops.
DROP_AT = 4

STORE_MARK = 0
STORE_CT_MARK = 1
# The value: helper (as in conntrack/layout.py) | protocol that the connection must have (0: any) << 8 | STORE_TEMPLATE.
STORE_HELPER = 2
# The helper of connections that begin behind this rule, which stands before conntrack (iptables' CT target).
STORE_TEMPLATE = 0x10000
STORE_CT_ZONE = 3
# The address, or the port, that the NAT statement of the same rule translates to: a number of an element of its map, or a value.
STORE_ADDRESS = 4
STORE_PORT = 5

# Fields: word 0 of a load ---------------------------------------------------------------------------------------------------------
FIELD_UNKNOWN = 0
FIELD_CT_STATE = 1
FIELD_CT_DIRECTION = 2
FIELD_CT_STATUS = 3
FIELD_NFPROTO = 4
FIELD_PROTO = 5
FIELD_PROTOCOL = 6
FIELD_LENGTH = 7
FIELD_SOURCE = 8
FIELD_DESTINATION = 9
FIELD_SPORT = 10
FIELD_DPORT = 11
FIELD_TCP_FLAGS = 12
FIELD_ICMP_TYPE = 13
FIELD_ICMP_CODE = 14
FIELD_TTL = 15
FIELD_IIF = 16
FIELD_OIF = 17
FIELD_LINK = 18
FIELD_NETWORK = 19
FIELD_TRANSPORT = 20
FIELD_TIME = 21
FIELD_DAY = 22
FIELD_HOUR = 23
FIELD_MARK = 24
FIELD_PKTTYPE = 25
FIELD_ETHER_TYPE = 26
# A TCP option or an IPv6 extension header. Offset: its number times 65536 plus the first bit; 0 bits ask whether it is there.
FIELD_OPTION = 27
FIELD_NEXT_HEADER = 28
FIELD_EXTENSION = 29
FIELD_FIB_SOURCE = 30
FIELD_FIB_DESTINATION = 31
FIELD_TH_SPORT = 44
FIELD_TH_DPORT = 45
FIELD_INNER = 46
FIELD_CT_ZONE = 35
FIELD_CT_EXPIRATION = 47
# Each followed by two: of both directions, original, reply.
FIELD_CT_PACKETS = 48
FIELD_CT_BYTES = 51
FIELD_CT_AVGPKT = 54
FIELD_CT_MARK = 32
# Name of the helper that announced the connection.
FIELD_CT_HELPER = 60
# The outermost VLAN tag.
FIELD_TAG = 61
FIELD_CT_L3PROTO = 33
FIELD_CT_PROTOCOL = 34
# Each followed by three: source, destination, source port, destination port.
FIELD_CT_ORIGINAL = 36
FIELD_CT_REPLY = 40

# Words of a load: field, IP version needed (0: any), protocol needed plus 1 (0: any), first bit, bits, bytes of the header that must
# be there, index of mask and xor in the pool (hi, lo, hi, lo; 0: none), spare.
LOAD_WORDS = 8

# Tests: word 2 of a MATCH; the pool holds what follows ----------------------------------------------------------------------------
# hi, lo
TEST_EQUAL = 0
# first hi, lo, last hi, lo
TEST_RANGE = 1
# mask: one bit at least is set
TEST_ANY = 2
# 4 words, a bit for each value below 256
TEST_BITS8 = 3
# 1024 words, a bit for each value below 65536
TEST_BITS16 = 4
# count, then count times (first, last), sorted, of values below 2^64
TEST_SEARCH64 = 5
# count, then count times (first hi, lo, last hi, lo), sorted
TEST_SEARCH128 = 6
# index into the table of interfaces
TEST_IFACE = 7
# Added to a test: the match holds when the test does not.
TEST_NOT = 0x100

# Answers of a match ---------------------------------------------------------------------------------------------------------------
NO = 0
YES = 1
UNKNOWN = 2
# Of a load: ct state is new or related, and nobody can say which.
EITHER = 3
# The packet is dropped then and there.
DROPPED = 4

# Worlds (see evaluate.py) ---------------------------------------------------------------------------------------------------------
WORLD_NONE = 0
WORLD_OTHER = 1
WORLD_MAIN = 2

# What the evaluator tells a watcher besides slots (watch.py): a base chain begins; it ended, with the worlds that reached its policy.
WATCH_CHAIN = 0x7FFFFFFE
WATCH_END = 0x7FFFFFFF

# Chains nest 16 deep, the base chain included; one frame more for luck never hurts a reader of this file.
MAX_FRAMES = 18
FRAME_WORDS = 8
# Parts of a concatenation.
MAX_PARTS = 8
# Words of a limit: tokens, last, largest, cost of a packet, period in ns, rate, flags, tainted.
LIMIT_WORDS = 8
LIMIT_OVER = 1
LIMIT_BYTES = 2
# Words of a quota: bytes used, size, over, tainted.
QUOTA_WORDS = 4

# Translation (see view.py): tuples of a view, and what may be hidden of one.
ENTERING = 0
LEAVING = 1
ORIGINAL = 2
REPLY = 3
HIDE_SOURCE = 1
HIDE_DESTINATION = 2
HIDE_SPORT = 4
HIDE_DPORT = 8
# What a first packet's nat chains say, destination first: index of a statement plus 1.
NAT_DESTINATION = 0
NAT_SOURCE = 1

# A base chain is a nat chain: it sees the first packet of a connection only.
BASE_NAT = 1

# Words of a dynamic set: where its chains begin, how many, where its elements begin, parts of a key, largest number of elements, lifetime
# (ns, 0: for ever), number of elements, first element to use again, last sweep, tainted.
SET_HEADS = 0
SET_BUCKETS = 1
SET_ELEMENTS = 2
SET_PARTS = 3
SET_SIZE = 4
SET_TIMEOUT = 5
SET_COUNT = 6
SET_FREE = 7
SET_SWEPT = 8
SET_TAINTED = 9
SET_WORDS = 10
# Words of an element before its key.
ELEMENT_HEAD = 5
NS_PER_SWEEP = 1000000000
# Words of an update: set, operation, lifetime, kind of the element's statement, then cost, largest, period, rate, flags of a limit; or
# size and over of a quota; or connections and over of a count.
UPDATE_SET = 0
UPDATE_OP = 1
UPDATE_TIMEOUT = 2
UPDATE_KIND = 3
UPDATE_WORDS = 9
UPDATE_ADD = 0
UPDATE_UPDATE = 1
UPDATE_DELETE = 2
UPDATE_LIMIT = 1
UPDATE_QUOTA = 2
# Of a count of connections: the largest, and over.
UPDATE_COUNT = 3

LINKTYPE_ETHERNET = 1
# Types of addresses, as the kernel numbers them (RTN_); and stretches of addresses of which nothing is known, or to which no way leads.
FIB_UNSPEC = 0
FIB_UNICAST = 1
FIB_LOCAL = 2
FIB_BROADCAST = 3
FIB_ANYCAST = 4
FIB_MULTICAST = 5
FIB_BLACKHOLE = 6
FIB_UNREACHABLE = 7
FIB_PROHIBIT = 8
FIB_VAGUE = 254
FIB_NOTHING = 255
# First bit of a fib field: what is asked for, and what else decides.
FIB_RESULT_TYPE = 0
FIB_RESULT_DEVICE = 1
FIB_RESULT_CHECK = 2
FIB_RESULTS = 3
FIB_BY_IIF = 4
FIB_BY_OIF = 8
FIB_BY_MARK = 16
# iptables asks (rpfilter).
FIB_XTABLES = 32

# Words of a look at a list of addresses: list, action, by source, mask hi, mask lo, span in ns, hits wanted, TTL too, inverted.
RECENT_LIST = 0
RECENT_ACTION = 1
RECENT_BY_SOURCE = 2
RECENT_MASK = 3
RECENT_NS = 5
RECENT_HITS = 6
RECENT_TTL = 7
RECENT_INVERTED = 8
RECENT_SET = 0
RECENT_CHECK = 1
RECENT_UPDATE = 2
RECENT_REMOVE = 3
# Entries of a list, and words of an entry before its times.
RECENT_ENTRIES = 100
RECENT_HEAD = 7
