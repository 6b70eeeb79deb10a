import cython
from libc.string cimport memcpy

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef enum:
    PLACES = 512
    SLOT = 1536


@cython.final
cdef class Past:
    cdef public dict columns
    cdef public object data
    cdef public u64 next_frame
    cdef public u32 count
    cdef u32[::1] _flow
    cdef u32[::1] _seq
    cdef u32[::1] _payload_len
    cdef u16[::1] _reason
    cdef u8[::1] _tcp_flags
    cdef u8[::1] _tcp_opts
    cdef u8[::1] _tcp_state
    cdef u8[::1] _ct_state
    cdef u8[::1] _ttl
    cdef u8[::1] _side
    cdef u16[::1] _kept
    cdef u8[::1] _data

    @cython.locals(start=u32, i=u32)
    cdef void _keep(self, PacketBatch b, VerdictBatch v)
    @cython.locals(size=u32)
    cdef void _put(self, PacketBatch b, VerdictBatch v, u32 i, u32 at) noexcept nogil


cdef inline void _copy(u8[::1] to, Py_ssize_t at, u8[::1] source, Py_ssize_t start, Py_ssize_t size) noexcept nogil:
    memcpy(&to[at], &source[start], size)


cdef u8 _later(PacketBatch b, u32 i) noexcept nogil
