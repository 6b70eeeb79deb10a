"""Why the walker came back (``SIGNAL_``), and what was wrong with the record it stopped at (``FAULT_``).

The twin ``signals.pxd`` holds the same names as C constants; ``tests/capture/test_signals.py`` compares the two.
"""

# The walker needs ``need`` bytes from ``pos`` on to go on.
SIGNAL_MORE = 0
# The batch has no free row.
SIGNAL_FULL = 1
# A section header block stands at ``pos``, whole or at least its first BLOCK_HEAD_BYTES.
SIGNAL_SECTION = 2
# An interface description block stands at ``pos``, likewise.
SIGNAL_INTERFACE = 3
# The bytes at ``pos`` cannot be: see ``fault``, ``found`` and ``limit``.
SIGNAL_FAULT = 4
# Inside the walker: the record is taken, go on.
SIGNAL_DONE = 5

FAULT_NONE = 0
# A captured length above ``limit``.
FAULT_CAPLEN = 1
# A block length below ``limit``, or not a multiple of four.
FAULT_BLOCK_LEN = 2
# The block length behind a block (``found``) differs from the one before it (``limit``).
FAULT_TRAILER = 3
# An interface number; the section has described ``limit`` interfaces so far.
FAULT_INTERFACE = 4
# A captured length that does not fit into its block, which has room for ``limit`` bytes.
FAULT_BLOCK_CAPLEN = 5
# A section whose byte-order magic is none.
FAULT_BYTE_ORDER = 6
# A block length above ``limit``.
FAULT_BLOCK_OVER = 7

# Bytes of a section header or interface block that are looked at; longer ones are skipped from there on.
BLOCK_HEAD_BYTES = 0x10000
# The longest packet block, but for link types whose frames may be longer (as libpcap and Wireshark).
MAX_BLOCK_BYTES = 0x1000000

# Which of a pcap record's two lengths comes first: the captured one; whichever is smaller; the one on the wire.
LENGTHS_NORMAL = 0
LENGTHS_GUESS = 1
LENGTHS_SWAPPED = 2

# How the ticks of an interface become nanoseconds: times a factor, divided by one, or counted in 2**-factor seconds. NONE: they do not.
TICKS_TIMES = 0
TICKS_DIVIDED = 1
TICKS_BINARY = 2
TICKS_NONE = 3
