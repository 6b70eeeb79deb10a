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
# The terminal operations; JUMP and GOTO have a chain index as operand.
OP_ACCEPT = 16
OP_DROP = 17
OP_REJECT = 18
OP_JUMP = 19
OP_GOTO = 20
OP_RETURN = 21

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

# Worlds (see evaluate.py) ---------------------------------------------------------------------------------------------------------
WORLD_NONE = 0
WORLD_OTHER = 1
WORLD_MAIN = 2

# Chains nest 16 deep, the base chain included; one frame more for luck never hurts a reader of this file.
MAX_FRAMES = 18
# Parts of a concatenation.
MAX_PARTS = 8
# Words of a limit: tokens, last, largest, cost of a packet, period in ns, rate, flags, tainted.
LIMIT_WORDS = 8
LIMIT_OVER = 1
LIMIT_BYTES = 2
