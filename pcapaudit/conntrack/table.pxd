import cython

from pcapaudit.conntrack.layout cimport (
    KIND_FREE,
    Q_DST_HI,
    Q_DST_LO,
    Q_SRC_HI,
    Q_SRC_LO,
    ROW_QUADS,
    ROW_WORDS,
    SIDE_FLAGS,
    SIDE_WORDS,
    W_HASH,
    W_PORTS,
    W_PROTO,
    W_SIDE,
    W_STATUS,
)
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport DIR_NONE, DIR_ORIGINAL, DIR_REPLY

cdef enum:
    ROW_MASK = 0xFFFFFF
    FAR = 15

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Table:
    cdef public u32 capacity
    cdef public object memory
    cdef u32[::1] w
    cdef u64[::1] q
    cdef long long[::1] t
    cdef public u32 top
    cdef public u32 free
    cdef public u32 entered
    cdef public bint guesses
    cdef public u32 slots
    cdef u32[::1] index
    cdef u64 key_src_hi
    cdef u64 key_src_lo
    cdef u64 key_dst_hi
    cdef u64 key_dst_lo
    cdef u32 key_ports
    cdef u32 key_inverse
    cdef u32 key_proto
    cdef u32 key_hash

    @cython.locals(row=u32)
    cdef u32 take(self) noexcept nogil
    cdef void release(self, u32 row) noexcept nogil
    @cython.locals(quad=u64, word=u64)
    cdef void write_key(self, u32 row) noexcept nogil
    @cython.locals(quad=u64, word=u64)
    cdef u32 direction_of(self, u32 row) noexcept nogil
    @cython.locals(i=u32)
    cdef void guess(self, PacketBatch b, VerdictBatch v, u32 first, u32 stop) noexcept nogil
    @cython.locals(mask=u32, slot=u32, tag=u32, found=u32)
    cdef u32 probable(self, u32 number) noexcept nogil
    @cython.locals(mask=u32, away=u32, tag=u32, found=u32)
    cdef u32 find_from(self, u32 slot) noexcept nogil
    @cython.locals(number=u32, mask=u32, slot=u32, away=u32)
    cdef void enter(self, u32 row) noexcept nogil
    @cython.locals(mask=u32, slot=u32, gap=u32, found=u32, away=u32, nearer=u32)
    cdef void remove(self, u32 row) noexcept nogil
    @cython.locals(i=u64, count=u64)
    cdef void _enter_all(self, u32[::1] old)
