import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    PROTO_AH,
    PROTO_DCCP,
    PROTO_DSTOPTS,
    PROTO_FRAGMENT,
    PROTO_GRE,
    PROTO_HOPOPT,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_NONE,
    PROTO_ROUTING,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
    REASON_ICMP_QUOTE_SHORT,
    REASON_ICMP_QUOTE_UNKNOWN,
    REASON_NONE,
    REASON_TRUNCATED,
)
from pcapaudit.core.bytes cimport be16, be32, be64

ctypedef unsigned int u32
ctypedef unsigned long long u64


@cython.final
cdef class Quote:
    cdef public u32 l3
    cdef public u32 proto
    cdef public u64 src_hi
    cdef public u64 src_lo
    cdef public u64 dst_hi
    cdef public u64 dst_lo
    cdef public u32 sport
    cdef public u32 dport
    cdef public u32 icmp_type
    cdef public u32 icmp_code
    cdef public u32 frag
    cdef public u32 seq
    cdef public bint has_ports
    cdef public bint has_seq
    cdef Py_ssize_t _end
    cdef Py_ssize_t _stop

    cdef void _clear(self) noexcept nogil
    cdef u32 _missing(self, Py_ssize_t reach) noexcept nogil
    @cython.locals(inner=Py_ssize_t, l4=Py_ssize_t)
    cdef u32 find(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at) noexcept nogil
    @cython.locals(l4=Py_ssize_t)
    cdef u32 _ip4(self, PacketBatch b, Py_ssize_t at) noexcept nogil
    @cython.locals(field=u32, size=Py_ssize_t, proto=u32, l4=Py_ssize_t)
    cdef u32 _ip6(self, PacketBatch b, Py_ssize_t at) noexcept nogil
    cdef u32 _transport(self, PacketBatch b, Py_ssize_t at) noexcept nogil
    cdef u32 _icmp(self, PacketBatch b, Py_ssize_t at) noexcept nogil
    cdef u32 _gre(self, PacketBatch b, Py_ssize_t at) noexcept nogil


@cython.locals(at=Py_ssize_t)
cpdef u32 read_quote(PacketBatch batch, Py_ssize_t i, Quote quote) noexcept nogil
