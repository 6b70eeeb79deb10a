import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_FRAGMENT,
    ANOM_FRAGMENT_TINY,
    ANOM_IP6_EXT_BAD,
    ANOM_IP6_EXT_LIMIT,
    ANOM_IP_CHECKSUM,
    ANOM_IP_HEADER_LEN,
    ANOM_IP_LEN_OVER_FRAME,
    ANOM_IP_LEN_ZERO,
    ANOM_IP_OPTIONS,
    ANOM_IP_OPTIONS_BAD,
    ANOM_IP_RESERVED_FLAG,
    ANOM_IP_TRUNCATED,
    ANOM_IP_VERSION,
    ANOM_PAYLOAD_TRUNCATED,
    CSUM_BAD,
    CSUM_GOOD,
    CSUM_OFFLOADED,
    CSUM_UNCHECKED,
    FRAG_ATOMIC,
    FRAG_PART,
    PROTO_AH,
    PROTO_DSTOPTS,
    PROTO_FRAGMENT,
    PROTO_HOPOPT,
    PROTO_NONE,
    PROTO_ROUTING,
    PROTO_TCP,
    PROTO_UDP,
    VLAN_NONE,
)
from pcapaudit.core.bytes cimport be16, be32, be64
from pcapaudit.wire.checksum cimport fold, sum16
from pcapaudit.wire.layers cimport LAYER_IPV4, LAYER_IPV6
from pcapaudit.wire.link cimport LinkReader
from pcapaudit.wire.transport cimport TransportReader

ctypedef unsigned int u32
ctypedef unsigned long long u64


@cython.final
cdef class Decoder:
    cdef PacketBatch batch
    cdef LinkReader link
    cdef TransportReader transport
    cdef bint auto
    cdef Py_ssize_t wire_end
    cdef u64 anomalies

    @cython.locals(i=Py_ssize_t)
    cpdef void decode(self) noexcept nogil
    cpdef void decode_row(self, Py_ssize_t i) noexcept nogil
    @cython.locals(at=Py_ssize_t, end=Py_ssize_t, size=Py_ssize_t, kind=u32)
    cdef void _row(self, PacketBatch b, Py_ssize_t i) noexcept nogil
    cdef void _no_ip(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(
        word0=u32, word1=u32, word2=u32, src=u32, dst=u32, total=u64, header=Py_ssize_t, ip_len=Py_ssize_t, fragment=u32
    )
    cdef void _ip4(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef u32 _judged(self, u64 total, u32 field) noexcept nogil
    @cython.locals(at=Py_ssize_t, size=Py_ssize_t)
    cdef u32 _ip4_rest(self, PacketBatch b, Py_ssize_t stop, Py_ssize_t end, u64 total, Py_ssize_t header) noexcept nogil
    @cython.locals(word=u32, ip_len=Py_ssize_t, l4=Py_ssize_t)
    cdef void _ip6(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t _ip6_length(self, PacketBatch b, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(stop=Py_ssize_t)
    cdef Py_ssize_t _jumbo(self, PacketBatch b, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    @cython.locals(proto=u32, field=u32, size=Py_ssize_t, count=u32)
    cdef Py_ssize_t _skip(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t stop) noexcept nogil
    cdef void _cut(self, Py_ssize_t reach, Py_ssize_t stop) noexcept nogil
    cdef void _cut_chain(self, PacketBatch b, Py_ssize_t i, Py_ssize_t reach, Py_ssize_t stop) noexcept nogil
    cdef void _transport(self, PacketBatch b, Py_ssize_t i, Py_ssize_t l4, Py_ssize_t end) noexcept nogil
