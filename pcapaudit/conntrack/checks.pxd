import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_IP6_EXT_BAD,
    ANOM_IP6_EXT_LIMIT,
    ANOM_IP_HEADER_LEN,
    ANOM_IP_LEN_OVER_FRAME,
    ANOM_IP_TRUNCATED,
    ANOM_IP_VERSION,
    ANOM_TCP_HEADER_LEN,
    CSUM_BAD,
    CSUM_GOOD,
    PATH_OUTPUT,
    PROTO_DCCP,
    PROTO_GRE,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_NONE,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
    REASON_BAD_CHECKSUM,
    REASON_BAD_IP_HEADER,
    REASON_BAD_LENGTH,
    REASON_NONE,
    REASON_NOT_TRACKABLE,
    REASON_SHORT_HEADER,
    REASON_TRUNCATED,
    REASON_UDPLITE_COVERAGE,
)
from pcapaudit.core.bytes cimport be16

cdef enum:
    GRE_PPP = 0x880B

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Checks:
    cdef bint check_sums
    cdef unsigned char[::1] dccp_lengths

    @cython.locals(bit=u64, found=u64)
    cdef u32 unfit(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(bit=u64, proto=u32, start=u32, held=u32, needed=u32)
    cdef u32 header(self, PacketBatch b, u32 i) noexcept nogil
    cdef u32 _gre(self, PacketBatch b, u32 start, u32 held, u32 size) noexcept nogil
    cdef u32 _sctp_held(self, PacketBatch b, u32 start, u32 held, u32 size) noexcept nogil
    @cython.locals(proto=u32)
    cdef u32 error(self, PacketBatch b, u32 i) noexcept nogil
    cdef bint bad_sum(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(said=u32)
    cdef u32 _udp_error(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(coverage=u32)
    cdef u32 _udplite_error(self, PacketBatch b, u32 i) noexcept nogil
