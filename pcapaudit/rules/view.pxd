import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    HOOK_OUTPUT,
    HOOK_PREROUTING,
    PROTO_DCCP,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
)
from pcapaudit.rules.ops cimport *

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class View:
    cdef PacketBatch batch
    cdef public bint on
    cdef public bint deciding
    cdef public u32 stage
    cdef public u32 hidden
    cdef public bint status_known
    cdef public u32 ways
    cdef public u32 doubt
    cdef public u32 cause
    cdef readonly u64[::1] tuples
    cdef readonly u32[::1] ports
    cdef readonly u32[::1] hides
    cdef readonly u32[::1] number
    cdef readonly u32[::1] unsure
    cdef readonly u32[::1] causes
    cdef readonly u64[::1] values
    cdef public object chooser
    cdef u64 value_hi
    cdef u64 value_lo
    cdef u64[::1] kept
    cdef u32[::1] kept_ports

    cdef void begin(self, u32 i) noexcept nogil
    @cython.locals(at=u32, source=u32)
    cdef void put(self, u32 which, bint turned) noexcept nogil
    @cython.locals(source=u32, hides=u32)
    cdef void copy(self, u32 which, u32 other, bint turned) noexcept nogil
    @cython.locals(source=u32, target=u32)
    cpdef void move(self, u32 i, u32 stage) noexcept nogil
    cdef void restore(self, u32 i) noexcept nogil
    @cython.locals(at=u32)
    cdef void _write(self, u32 i, u64 src_hi, u64 src_lo, u64 dst_hi, u64 dst_lo) noexcept nogil
    @cython.locals(at=u32)
    cdef void _write_ports(self, u32 i, u32 sport, u32 dport) noexcept nogil
    @cython.locals(left=u32)
    cdef void _put(self, u32 at, u64 value, u32 size) noexcept nogil
    cdef u32 slot(self, u32 hook) noexcept nogil
    cdef void keep(self, u32 slot, u32 target, u64 hi, u64 lo) noexcept nogil
    cdef void part(self, u32 slot, u32 rule) noexcept nogil
    @cython.locals(slot=u32)
    cdef int decide(self, u32 i, u32 stage) except -1 nogil
    cdef bint hides_field(self, u32 field, u32 first, u32 bits) noexcept nogil
    cdef int read(self, u32 i, u32 which, u32 part) noexcept nogil
