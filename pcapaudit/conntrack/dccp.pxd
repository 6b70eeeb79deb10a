import cython

from pcapaudit.conntrack.layout cimport (
    DCCP_ABORTED,
    DCCP_CLIENT_REPLY,
    DCCP_LAST_REPLY,
    DCCP_LAST_TYPE,
    GO_IGNORE,
    GO_INVALID,
    Q_DCCP_RESPONSE,
    Q_EXPIRES,
    ROW_WORDS,
    TIMER_DCCP,
    TRACK_ACCEPT,
    TRACK_INVALID,
    TRACK_LAST,
    W_DCCP_NOTES,
    W_STATUS,
)
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    CSUM_BAD,
    CSUM_GOOD,
    DCCPS_CLOSEREQ,
    DCCPS_CLOSING,
    DCCPS_NONE,
    DCCPS_PARTOPEN,
    DCCPS_REQUEST,
    DCCPS_RESPOND,
    DCCPS_TIMEWAIT,
    DIR_REPLY,
    END_CLOSED,
    END_RESET,
    END_TIMEOUT,
    PATH_OUTPUT,
    PROTO_DCCP,
    REASON_BAD_CHECKSUM,
    REASON_BAD_LENGTH,
    REASON_DCCP_IGNORED,
    REASON_DCCP_NOT_OPENING,
    REASON_DCCP_STATE,
    REASON_DCCP_TYPE,
    REASON_NONE,
    REASON_SHORT_HEADER,
    STATUS_ASSURED,
    STATUS_FIXED_TIMEOUT,
    STATUS_SEEN_REPLY,
)
from pcapaudit.core.bytes cimport be16, be32
from pcapaudit.wire.checksum cimport fold, pseudo_sum, sum16

cdef enum:
    REQUEST = 0
    RESPONSE = 1
    ACK = 3
    RESET = 7
    TYPES = 10
    GENERIC_BYTES = 12
    CODE_CLOSED = 1
    CLIENT = 0
    SERVER = 1

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Dccp:
    cdef Table table
    cdef unsigned char[::1] transitions
    cdef unsigned char[::1] header_lengths
    cdef u32 long_only
    cdef long long[::1] timers
    cdef bint check_sums

    @cython.locals(start=u32, size=u32, header=u32, coverage=u32, kind=u32)
    cdef u32 error(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(start=u32, total=u64)
    cdef bint _sum_fits(self, PacketBatch b, u32 i, u32 coverage) noexcept nogil
    @cython.locals(kind=u32, cell=u32)
    cdef u32 may_open(self, PacketBatch b, u32 i) noexcept nogil
    cdef u32 end_by_time(self, u32 row, u32 state) noexcept nogil
    @cython.locals(word=u64)
    cdef void open(self, u32 row) noexcept nogil
    @cython.locals(word=u64, kind=u32, status=u32, notes=u32, role=u32, old=u32, new=u32, last=u32, closed=cython.bint)
    cdef u32 packet(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, u32 direction, long long now) noexcept nogil
    @cython.locals(start=u32, high=u64)
    cdef u64 _sequence(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(start=u32, high=u64)
    cdef u64 _acknowledged(self, PacketBatch b, u32 i) noexcept nogil
