import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    IFACE_NONE,
    IFACE_UNKNOWN,
    PATH_FORWARD,
    PATH_INPUT,
    PATH_OUTPUT,
    PATH_UNKNOWN,
)

ctypedef unsigned long long u64
ctypedef unsigned int u32

# As in segments.py.
cdef enum:
    ZONE_BITS = 0x1FFF
    NOWHERE = 0x1FFF
    OWN = 0x2000
    GROUP = 0x4000
    MIXED = 0x8000


@cython.final
cdef class Vantage:
    cdef PacketBatch batch
    cdef u32 forced
    cdef unsigned short[::1] upper
    cdef u32[::1] spans
    cdef u32 spans6
    cdef u64[::1] starts_hi
    cdef u64[::1] starts_lo
    cdef unsigned short[::1] codes

    @cython.locals(i=u32)
    cpdef void place(self)
    @cython.locals(src=u32, dst=u32, path=u32)
    cpdef void place_row(self, u32 i) noexcept nogil
    @cython.locals(code=u32)
    cdef u32 _code(self, u64 hi, u64 lo, u32 upper, u32 first_span) noexcept nogil
    @cython.locals(left=u32, right=u32, middle=u32, start=u64)
    cdef u32 _search(self, u64 hi, u64 lo, u32 span) noexcept nogil
