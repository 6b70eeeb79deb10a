import cython

from pcapaudit.capture.signals cimport (
    BLOCK_HEAD_BYTES,
    FAULT_BLOCK_CAPLEN,
    FAULT_BLOCK_LEN,
    FAULT_BLOCK_OVER,
    FAULT_BYTE_ORDER,
    FAULT_CAPLEN,
    FAULT_INTERFACE,
    FAULT_TRAILER,
    LENGTHS_GUESS,
    LENGTHS_SWAPPED,
    MAX_BLOCK_BYTES,
    SIGNAL_DONE,
    SIGNAL_FAULT,
    SIGNAL_FULL,
    SIGNAL_INTERFACE,
    SIGNAL_MORE,
    SIGNAL_SECTION,
    TICKS_DIVIDED,
    TICKS_NONE,
    TICKS_TIMES,
)
from pcapaudit.core.bytes cimport be16, be32, le16, le32
from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_CAPLEN_OVER_ORIGLEN,
    ANOM_CAPLEN_OVER_SNAPLEN,
    ANOM_LINK_ERROR,
    ANOM_NO_TIMESTAMP,
    ANOM_TIME_BACKWARDS,
    BATCH_FRAMES,
    FRAME_CSUM_NOT_READY,
    FRAME_CSUM_VALID,
    FRAME_INBOUND,
    FRAME_LINK_ERROR,
    FRAME_NO_TIME,
    FRAME_OUTBOUND,
    FRAME_TSO,
)

cdef enum:
    BLOCK_SECTION = 0x0A0D0D0A
    BLOCK_INTERFACE = 1
    BLOCK_PACKET = 2
    BLOCK_SIMPLE = 3
    BLOCK_ENHANCED = 6


@cython.final
cdef class Walker:
    cdef public unsigned long long pos
    cdef public unsigned long long need
    cdef public unsigned long long skip
    cdef public unsigned long long frames
    cdef public unsigned long long bad_options
    cdef public unsigned int block_len
    cdef public unsigned int fault
    cdef public unsigned int found
    cdef public unsigned int limit
    cdef public bint big
    cdef bint blocks
    cdef bint timed
    cdef unsigned int record_head
    cdef unsigned int tick_ns
    cdef unsigned int lengths
    cdef unsigned int file_id
    cdef unsigned int if_id
    cdef unsigned int linktype
    cdef unsigned int snaplen
    cdef unsigned int max_caplen
    cdef unsigned int if_count
    cdef long long max_ns
    cdef long long clock_ns
    cdef long long last_ns
    cdef long long ts_ns
    cdef object _tables
    cdef unsigned int[::1] if_ids
    cdef unsigned int[::1] if_linktypes
    cdef unsigned int[::1] if_snaplens
    cdef unsigned int[::1] if_max_caplens
    cdef unsigned int[::1] if_ticks
    cdef unsigned long long[::1] if_factors
    cdef unsigned long long[::1] if_limits
    cdef long long[::1] if_offsets

    cdef unsigned int word(self, PacketBatch b, unsigned long long at) noexcept nogil

    cdef unsigned int half(self, PacketBatch b, unsigned long long at) noexcept nogil

    cdef unsigned int wrong(self, unsigned int fault, unsigned int found, unsigned int limit) noexcept nogil

    cdef unsigned int wait(self, unsigned long long need) noexcept nogil

    @cython.locals(odd=cython.ulonglong)
    cdef void put(
        self, PacketBatch b, long long ts_ns, unsigned long long at, unsigned int caplen, unsigned int origlen
    ) noexcept nogil

    @cython.locals(
        pos=cython.ulonglong, head=cython.uint, seconds=cython.ulonglong, fraction=cython.ulonglong, caplen=cython.uint,
        origlen=cython.uint, other=cython.uint
    )
    cdef unsigned int walk_records(self, PacketBatch b, unsigned long long end) noexcept nogil

    @cython.locals(signal=cython.uint, kind=cython.uint, length=cython.uint, left=cython.ulonglong)
    cdef unsigned int walk_blocks(self, PacketBatch b, unsigned long long end) noexcept nogil

    @cython.locals(length=cython.uint)
    cdef unsigned int section(self, PacketBatch b, unsigned long long end) noexcept nogil

    @cython.locals(pos=cython.ulonglong, caplen=cython.uint, number=cython.uint, room=cython.uint, limit=cython.ulonglong, head=cython.uint)
    cdef unsigned int packet(self, PacketBatch b, unsigned long long end, unsigned int kind, unsigned int length) noexcept nogil

    cdef void select(self, unsigned int number) noexcept nogil

    @cython.locals(ticks=cython.ulonglong, factor=cython.ulonglong, ns=cython.ulonglong, offset=cython.longlong, mode=cython.uint)
    cdef bint time_of(self, unsigned int number, unsigned int high, unsigned int low) noexcept nogil

    @cython.locals(at=cython.ulonglong, stop=cython.ulonglong, code=cython.uint, size=cython.uint, flags=cython.uint, bits=cython.uint)
    cdef void options(self, PacketBatch b, unsigned int i, unsigned long long start, unsigned long long end) noexcept nogil
