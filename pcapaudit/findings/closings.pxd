import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport BATCH_FRAMES, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TCPS_TIME_WAIT

ctypedef unsigned char u8
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef u64 _MIX
cdef u64 _M64
cdef u32 _M32

cdef enum:
    PLACES = 0x10000
    FIN_PLACES = 0x10000
    SHIFT = 48
    WORDS = 5
    TIME = 1
    FRAME = 2
    MINE = 3
    THEIRS = 4
    AHEAD = 16


@cython.final
cdef class Closings:
    cdef public object late
    cdef public object sides
    cdef u64[::1] _ends
    cdef u64[::1] _fins
    cdef long long[::1] _late
    cdef u8[::1] _sides
    cdef u64 _key
    cdef u64 _touched

    @cython.locals(found=u32, k=u32, i=u32, at=u32, side=u32, behind=u64, each=u32, touched=u64)
    cdef u32 _pass(self, PacketBatch b, VerdictBatch v, long long[::1] fins, long long[::1] closed, u8[::1] claimed)
    @cython.locals(source=u64, target=u64, ports=u64, ends=u64, key=u64)
    cdef u32 _side(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(flags=u32, at=u32, mine=u64, bits=u64)
    cdef void _put(self, PacketBatch b, VerdictBatch v, u32 i, u32 side) noexcept nogil
