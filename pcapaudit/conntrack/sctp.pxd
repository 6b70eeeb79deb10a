import cython

from pcapaudit.conntrack.layout cimport (
    GO_IGNORE,
    GO_INVALID,
    Q_EXPIRES,
    ROW_WORDS,
    SCTP_ABORTED,
    SCTP_FAILED_REPLY,
    SCTP_INIT,
    SCTP_TAG_FAILED,
    TIMER_SCTP,
    TRACK_ACCEPT,
    TRACK_INVALID,
    W_SCTP_NOTES,
    W_SCTP_TAGS,
    W_STATUS,
)
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    ANOM_L4_TRUNCATED,
    DIR_ORIGINAL,
    DIR_REPLY,
    END_CLOSED,
    END_RESET,
    END_TIMEOUT,
    REASON_BAD_LENGTH,
    REASON_NONE,
    REASON_SCTP_BUNDLE,
    REASON_SCTP_CHUNK,
    REASON_SCTP_IGNORED,
    REASON_SCTP_NOT_OPENING,
    REASON_SCTP_VTAG,
    SCTPS_CLOSED,
    SCTPS_ESTABLISHED,
    SCTPS_NONE,
    SCTPS_SHUTDOWN_ACK_SENT,
    SCTPS_SHUTDOWN_RECD,
    SCTPS_SHUTDOWN_SENT,
    STATUS_ASSURED,
    STATUS_CONFIRMED,
    STATUS_FIXED_TIMEOUT,
)
from pcapaudit.core.bytes cimport be16, be32

cdef enum:
    DATA = 0
    INIT = 1
    INIT_ACK = 2
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN_ACK = 8
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14
    KNOWN_CHUNKS = 16
    FLAG_T = 1
    HEADER_BYTES = 12
    CHUNK_BYTES = 4
    INIT_BYTES = 20
    NOT_FIRST = 0x4840
    OWN_RULES = 0x4572
    ALONE = 0x4006
    FIRST = 0x0C00

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Sctp:
    cdef Table table
    cdef unsigned char[::1] transitions
    cdef long long[::1] timers
    cdef u32 limit
    cdef u32 stop
    cdef u32 tag
    cdef u32 types
    cdef bint stale

    @cython.locals(start=u32, at=u32, count=u32, kind=u32, one=u32, size=u32, bit=u64)
    cdef u32 _read(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(reason=u32, at=u32, kind=u32)
    cdef u32 may_open(self, PacketBatch b, u32 i) noexcept nogil
    cdef u32 end_by_time(self, u32 row, u32 status, u32 state) noexcept nogil
    @cython.locals(word=u64, tags=u64)
    cdef void open(self, PacketBatch b, u32 i, u32 row) noexcept nogil
    @cython.locals(word=u64, reason=u32, state=u32, at=u32, new=u32)
    cdef u32 packet(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, u32 direction, long long now) noexcept nogil
    cdef u32 _wrong_tag(self, VerdictBatch v, u32 i, u64 word, u32 direction) noexcept nogil
    @cython.locals(kind=u32, fits=u32, status=u32, old=u32, new=u32, announced=u32)
    cdef u32 _chunk(self, PacketBatch b, VerdictBatch v, u32 i, u64 word, u32 direction, u32 at) noexcept nogil
    cdef void _change(self, u64 word, u32 status, u32 new, u32 kind) noexcept nogil
    @cython.locals(tags=u64, notes=u32)
    cdef u32 _tag_fits(self, u64 word, u32 direction, u32 kind, bint other) noexcept nogil
    @cython.locals(notes=u32, failed=u32)
    cdef u32 _answers_heartbeat(self, u64 word, u32 direction) noexcept nogil
    @cython.locals(notes=u32)
    cdef void _note_init(self, u64 word, u32 direction, u32 old, u32 announced) noexcept nogil
    @cython.locals(notes=u32, known=u32)
    cdef u32 _answers_init(self, u64 word, u32 direction, u32 announced) noexcept nogil
