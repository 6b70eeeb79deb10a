import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport PATH_OUTPUT, PROTO_AH, PROTO_DSTOPTS, PROTO_FRAGMENT, PROTO_HOPOPT, PROTO_ROUTING
from pcapaudit.rules.ops cimport LINKTYPE_ETHERNET, NO, UNKNOWN, YES

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Headers:
    cdef PacketBatch batch
    cdef u32[::1] loads
    cdef u64 value_hi
    cdef u64 value_lo

    @cython.locals(reach=u32)
    cdef int bits(self, u32 start, u32 end, u32 size, u32 load) except -1 nogil
    @cython.locals(hi=u64, lo=u64, at=u32, lead=u32, left=u32, take=u32, byte=u64)
    cdef int _take_bits(self, u32 start, u32 offset, u32 bits) except -1 nogil
    @cython.locals(at=u32, index=u32)
    cdef int packet_type(self, u32 i) noexcept nogil
    @cython.locals(start=u32, have=u32, wire=u32, size=u32, at=u32, kind=u32, length=u32)
    cdef int option(self, u32 i, u32 load) except -1 nogil
    @cython.locals(wanted=u32, at=u32, whole=u32, kind=u32, count=u32, stop=u32)
    cdef int extension(self, u32 i, u32 load) except -1 nogil
    @cython.locals(at=u32)
    cdef int next_header(self, u32 i) noexcept nogil
    cdef int _absent(self, u32 load) noexcept nogil
    cdef int _found(self, u32 load, u32 start, u32 stop) except -1 nogil
