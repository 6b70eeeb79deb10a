import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_FRAGMENT_TINY,
    ANOM_L4_CHECKSUM,
    ANOM_L4_CHECKSUM_OFFLOADED,
    ANOM_L4_LENGTH,
    ANOM_L4_TRUNCATED,
    ANOM_PAYLOAD_TRUNCATED,
    ANOM_PORT_ZERO,
    ANOM_SAME_ENDPOINTS,
    ANOM_TCP_HEADER_LEN,
    ANOM_TCP_OPTIONS_BAD,
    ANOM_TUNNEL,
    CSUM_ABSENT,
    CSUM_BAD,
    CSUM_OFFLOADED,
    CSUM_UNCHECKED,
    FRAG_PART,
    OPT_BAD,
    OPT_MSS,
    OPT_OTHER,
    OPT_SACK,
    OPT_SACK_PERM,
    OPT_TIMESTAMP,
    OPT_WSCALE,
    PROTO_DCCP,
    PROTO_GRE,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_IPIP,
    PROTO_IPV6,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
)
from pcapaudit.core.bytes cimport be16, be32
from pcapaudit.wire.checksum cimport Summer

ctypedef unsigned int u32
ctypedef unsigned long long u64


@cython.final
cdef class TransportReader:
    cdef Summer summer
    cdef u64 anomalies

    cdef u64 read(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef void clear_tcp(self, PacketBatch b, Py_ssize_t i) noexcept nogil
    cdef void clear(self, PacketBatch b, Py_ssize_t i) noexcept nogil
    @cython.locals(sport=u32, dport=u32)
    cdef void _ports(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t have) noexcept nogil
    cdef void _short(self, PacketBatch b, Py_ssize_t i, Py_ssize_t header, Py_ssize_t have) noexcept nogil
    @cython.locals(l4_len=Py_ssize_t)
    cdef void _payload(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end, Py_ssize_t header) noexcept nogil
    cdef bint _whole(self, PacketBatch b, Py_ssize_t i, Py_ssize_t have) noexcept nogil
    cdef void _checked(self, PacketBatch b, Py_ssize_t i, u32 found) noexcept nogil
    @cython.locals(word=u32, header=Py_ssize_t, l4_len=Py_ssize_t, have=Py_ssize_t, ack=u32)
    cdef void _tcp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(header=Py_ssize_t)
    cdef void _tcp_part(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t have) noexcept nogil
    @cython.locals(kind=u32, size=Py_ssize_t, seen=u32)
    cdef void _options(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t stop, Py_ssize_t end) noexcept nogil
    @cython.locals(edge=u32, best=u32, stop=Py_ssize_t)
    cdef u32 _option(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, u32 kind, Py_ssize_t size) noexcept nogil
    @cython.locals(have=Py_ssize_t, l4_len=Py_ssize_t, claimed=Py_ssize_t)
    cdef void _udp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(have=Py_ssize_t, l4_len=Py_ssize_t, claimed=Py_ssize_t)
    cdef void _udplite(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(have=Py_ssize_t, kind=u32)
    cdef void _icmp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(have=Py_ssize_t)
    cdef void _sctp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(have=Py_ssize_t, header=Py_ssize_t, cover=Py_ssize_t)
    cdef void _dccp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(have=Py_ssize_t, header=Py_ssize_t, flags=u32)
    cdef void _gre(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
