import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport IFACE_NONE, IFACE_UNKNOWN, PATH_INPUT, PATH_OUTPUT, PROTO_ICMPV6
from pcapaudit.rules.ops cimport (
    FIB_ANYCAST,
    FIB_BLACKHOLE,
    FIB_BROADCAST,
    FIB_BY_IIF,
    FIB_BY_OIF,
    FIB_LOCAL,
    FIB_MULTICAST,
    FIB_NOTHING,
    FIB_RESULT_CHECK,
    FIB_RESULT_TYPE,
    FIB_RESULTS,
    FIB_UNICAST,
    FIB_UNREACHABLE,
    FIB_VAGUE,
    FIB_XTABLES,
    NO,
    UNKNOWN,
    YES,
)

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Fib:
    cdef PacketBatch batch
    cdef readonly u32 value
    cdef u64[::1] starts_hi
    cdef u64[::1] starts_lo
    cdef u32 first6
    cdef u32 count
    cdef u32[::1] kinds
    cdef unsigned char[::1] vague
    cdef u32[::1] same
    cdef u32 names
    cdef u32[::1] begins
    cdef u32[::1] devices
    cdef bint known4
    cdef bint known6
    cdef bint forced
    cdef u64 hi
    cdef u64 lo
    cdef u32 row
    cdef u32 kind
    cdef bint here
    cdef bint named
    cdef u32 device

    cdef bint xtables

    @cython.locals(answer=u32, result=u32, named=cython.bint)
    cpdef int look_up(self, u32 i, bint destination, u32 asked, u32 device, u32 current) noexcept nogil
    @cython.locals(left=u32, right=u32, middle=u32)
    cdef void _search(self, u32 l3) noexcept nogil
    @cython.locals(at=u32)
    cdef u32 _uses(self) noexcept nogil
    cdef int _type4(self) noexcept nogil
    cdef int _type6(self) noexcept nogil
    @cython.locals(found=u32)
    cdef int _at_device(self) noexcept nogil
    @cython.locals(lo=u64)
    cdef bint _never_missing(self, u32 i) noexcept nogil
    cdef int _route6(self) noexcept nogil
    @cython.locals(uses=u32, at=u32, own=cython.bint)
    cdef int _route(self) noexcept nogil
