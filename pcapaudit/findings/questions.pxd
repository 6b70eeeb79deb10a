import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport BATCH_FRAMES, PATH_INPUT, VERDICT_DROP

ctypedef unsigned char u8
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef u64 _MIX
cdef u64 _M64
cdef u64 _WAIT

cdef enum:
    PORT_DNS = 53
    PLACES = 0x4000
    SHIFT = 50
    SOCKET = 3
    PAIR = 2
    ELSEWHERE = 0
    OTHER_PORT = 1


@cython.final
cdef class Questions:
    cdef public object odd
    cdef public object kinds
    cdef u64[::1] _sockets
    cdef u64[::1] _pairs
    cdef u8[::1] _inside
    cdef long long[::1] _odd
    cdef u8[::1] _kinds

    @cython.locals(found=u32, k=u32, i=u32, kind=int)
    cdef u32 _pass(self, PacketBatch b, VerdictBatch v, long long[::1] rows, u8[::1] claimed)
    @cython.locals(asker=u64, server=u64, key=u64, at=u32)
    cdef void _note(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(asker=u64, server=u64, key=u64, at=u32)
    cdef int _judge(self, PacketBatch b, u32 i)


@cython.locals(mixed=u64)
cdef u64 _key(u64 address, u64 value) noexcept nogil
