import cython

from pcapaudit.conntrack.aliases cimport Aliases
from pcapaudit.conntrack.checks cimport Checks
from pcapaudit.conntrack.dccp cimport Dccp
from pcapaudit.conntrack.keys cimport Keys
from pcapaudit.conntrack.layout cimport (
    KIND_BLOCKED,
    KIND_CONNECTION,
    KIND_TRANSLATION,
    Q_EXPIRES,
    Q_STREAM,
    ROW_QUADS,
    ROW_TRANSLATED,
    ROW_WORDS,
    TIMER_GENERIC,
    TIMER_GRE,
    TIMER_GRE_STREAM,
    TIMER_ICMP,
    TIMER_ICMPV6,
    TIMER_UDP,
    TIMER_UDP_STREAM,
    TO_DROP,
    TO_RULES,
    TO_RULES_AGAIN,
    TO_SKIP,
    TRACK_ACCEPT,
    TRACK_INVALID,
    TRACK_LAST,
    TRACK_REOPEN,
    W_FLOW,
    W_LAST,
    W_MARK,
    W_PARENT,
    W_PROTO,
    W_SIDE,
    W_STATUS,
)
from pcapaudit.conntrack.relations cimport Relations
from pcapaudit.conntrack.rows cimport direction_in, expires_at, words_at
from pcapaudit.conntrack.sctp cimport Sctp
from pcapaudit.conntrack.table cimport Table
from pcapaudit.conntrack.tcp cimport Tcp
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    ANOM_IP6_EXT_BAD,
    ANOM_IP6_EXT_LIMIT,
    ANOM_IP_HEADER_LEN,
    ANOM_IP_LEN_OVER_FRAME,
    ANOM_IP_TRUNCATED,
    ANOM_IP_VERSION,
    ANOM_L4_TRUNCATED,
    ANOM_MIDSTREAM,
    ANOM_TCP_HEADER_LEN,
    CSUM_ABSENT,
    CSUM_BAD,
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_NONE,
    CT_RELATED,
    CT_UNTRACKED,
    DIR_NONE,
    DIR_ORIGINAL,
    DIR_REPLY,
    END_BLOCKED,
    END_CLOSED,
    END_EOF,
    END_EVICTED,
    END_REPLACED,
    END_RESET,
    END_TIMEOUT,
    PATH_OUTPUT,
    PROTO_DCCP,
    PROTO_GRE,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_SCTP,
    PROTO_TCP,
    PROTO_UDP,
    PROTO_UDPLITE,
    REASON_BAD_CHECKSUM,
    REASON_BAD_IP_HEADER,
    REASON_BAD_LENGTH,
    REASON_ICMP_NO_REQUEST,
    REASON_ICMP_QUOTE_MISMATCH,
    REASON_ICMP_QUOTE_UNKNOWN,
    REASON_ICMP_REDIRECT,
    REASON_ICMP_TYPE,
    REASON_NONE,
    REASON_NOT_IP,
    REASON_NOT_TRACKABLE,
    REASON_SEEN_TRANSLATED,
    REASON_SHORT_HEADER,
    REASON_TABLE_FULL,
    REASON_TRUNCATED,
    REASON_UDPLITE_COVERAGE,
    STATUS_ASSURED,
    STATUS_CONFIRMED,
    STATUS_EXPECTED,
    STATUS_FIXED_TIMEOUT,
    STATUS_HELPER,
    STATUS_SEEN_REPLY,
    TCP_SYN,
    TCPS_CLOSE,
    TCPS_TIME_WAIT,
)
from pcapaudit.wire.quote cimport Quote, read_quote

cdef extern from *:
    """
    #define PCAPAUDIT_BLOCKED_NS 600000000000LL
    #define PCAPAUDIT_STREAM_NS 2000000000LL
    #define PCAPAUDIT_ORDINARY (1ULL << 0 | 1ULL << 27 | 1ULL << 30)
    """
    const long long BLOCKED_NS "PCAPAUDIT_BLOCKED_NS"
    const long long STREAM_NS "PCAPAUDIT_STREAM_NS"
    const unsigned long long ORDINARY "PCAPAUDIT_ORDINARY"
    void prefetch "__builtin_prefetch" (const void *) noexcept nogil

cdef enum:
    BLOCKED_RECORDS = 65536
    EVICT_ROWS = 8
    ENDED_ROWS = 1024

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Tracker:
    cdef public Table table
    cdef readonly Keys keys
    cdef Checks checks
    cdef public Tcp tcp
    cdef public Sctp sctp
    cdef public Dccp dccp
    cdef Quote quote
    cdef long long[::1] timers
    cdef unsigned char[::1] queries
    cdef unsigned char[::1] untracked
    cdef unsigned char[::1] errors
    cdef u32 limit
    cdef bint udp_close_on_reply
    cdef public u32 live
    cdef public u32 high_water
    cdef public long long high_water_ns
    cdef public u32 evicted
    cdef readonly u32 row
    cdef u32 known
    cdef bint fresh
    cdef bint last
    cdef bint quoted
    cdef public Aliases aliases
    cdef u32 blocked
    cdef u32 blocked_direction
    cdef u32[::1] ring
    cdef u32 ring_next
    cdef long long[::1] ended
    cdef u32 ended_count
    cdef u32 hand
    cdef u32 born
    cdef public Relations relations

    @cython.locals(i=u32, mask=u32)
    cdef void touch(self, PacketBatch b, u32 first, u32 stop) noexcept nogil
    @cython.locals(i=u32, row=u64)
    cdef void fetch(self, PacketBatch b, VerdictBatch v, u32 first, u32 stop) noexcept nogil
    @cython.locals(slot=u32, row=u32, kind=u32, owner=u32)
    cdef u32 _find(self, long long now) noexcept nogil
    cdef void _expire(self, u32 row) noexcept nogil
    @cython.locals(status=u32, state=u32, proto=u32)
    cdef u32 _end_by_time(self, u32 row) noexcept nogil
    @cython.locals(at=u32, status=u32)
    cdef void end(self, u32 row, u32 why, long long when) noexcept nogil
    cdef void recycle(self, u32 row) noexcept nogil
    cdef void clear(self, VerdictBatch v, u32 i) noexcept nogil
    cdef void begin(self) noexcept nogil
    cdef bint fit(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(reason=u32, direction=u32)
    cdef u32 track(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    @cython.locals(proto=u32, reason=u32, again=cython.bint, row=u32, judged=u32)
    cdef u32 _assign(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    @cython.locals(judged=u32)
    cdef u32 _meet(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, u32 direction, long long now) noexcept nogil
    @cython.locals(row=u32, proto=u32, w=cython.p_uint)
    cdef u32 _familiar(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    @cython.locals(row=u32, reason=u32)
    cdef bint _meet_familiar(self, PacketBatch b, VerdictBatch v, u32 i, u32 direction, long long now) noexcept nogil
    cdef u32 _error_of(self, PacketBatch b, u32 i, u32 proto) noexcept nogil
    @cython.locals(at=u64, status=u32)
    cdef void _show(self, VerdictBatch v, u32 i, u32 direction) noexcept nogil
    @cython.locals(reason=u32, proto=u32, row=u32, word=u64)
    cdef u32 _make(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(bit=u64)
    cdef u32 _judge_fresh(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    cdef void _unmake(self, long long now) noexcept nogil
    @cython.locals(looked=u32, slot=u32, found=u32)
    cdef bint _evict(self, long long now) noexcept nogil
    @cython.locals(proto=u32, at=u64, status=u32, timer=u32)
    cdef u32 _judge(self, PacketBatch b, VerdictBatch v, u32 i, u32 direction, long long now) noexcept nogil
    @cython.locals(kind=u32, is6=cython.bint)
    cdef u32 _icmp_first(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    @cython.locals(start=u32)
    cdef u32 _redirect(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    @cython.locals(reason=u32, row=u32)
    cdef u32 _error(self, PacketBatch b, VerdictBatch v, u32 i, long long now) noexcept nogil
    cdef void commit(self, PacketBatch b, u32 i, long long now, bint accepted) noexcept nogil
    @cython.locals(row=u32)
    cdef void _record_blocked(self, PacketBatch b, u32 i, long long now) noexcept nogil
    @cython.locals(left=u32, status=u32)
    cdef void reap(self, long long now) noexcept nogil
    @cython.locals(row=u32, why=u32, kind=u32)
    cpdef u32 finish_some(self, u32 first, long long now) noexcept nogil
