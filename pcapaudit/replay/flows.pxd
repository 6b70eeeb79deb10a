import cython

from pcapaudit.conntrack.layout cimport ROW_QUADS, ROW_WORDS, W_FLOW
from pcapaudit.conntrack.tracker cimport Tracker
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    ANOM_RETRANSMISSION,
    CSUM_BAD,
    CT_INVALID,
    DIR_REPLY,
    PROTO_TCP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    VERDICT_DROP,
    VERDICT_REJECT,
    VERDICT_SKIP,
)
from pcapaudit.replay.flow_layout cimport (
    FLOW_QUADS,
    FLOW_WORDS,
    HISTORY_ACK,
    HISTORY_CHECKSUM,
    HISTORY_DATA,
    HISTORY_FIN,
    HISTORY_LETTERS,
    HISTORY_RETRANSMISSION,
    HISTORY_RST,
    HISTORY_SYN,
    HISTORY_SYNACK,
    HISTORY_WINDOW,
    IFACE_LIMIT,
    OUT_CONNECTION,
    OUT_FLOW,
    OUT_QUADS,
    OUT_ROWS,
    OUT_WHEN,
    OUT_WHY,
    Q_BYTES,
    Q_FIRST_FRAME,
    Q_FIRST_NS,
    Q_FIRST_REPLY_NS,
    Q_HISTORY,
    Q_LAST_NS,
    Q_MAX_GAP_NS,
    W_BLOCKED_COUNT,
    W_BLOCKED_FRAME,
    W_DROPPED,
    W_INVALID,
    W_LAST_FRAME,
    W_PACKETS,
    W_REASON,
    W_REJECTED,
    W_RULE,
    W_UNDECIDED,
    W_WAY,
)

cdef extern from *:
    void prefetch "__builtin_prefetch" (const void *) noexcept nogil

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class FlowTable:
    cdef Tracker tracker
    cdef public object memory
    cdef u32[::1] w
    cdef u64[::1] q
    cdef long long[::1] t
    cdef public u32 seen
    cdef public u32 waiting
    cdef u64[::1] out
    cdef u64 frame
    cdef public u32 others
    cdef public u64 more_bytes

    @cython.locals(i=u32, word=u64)
    cdef void fetch(self, VerdictBatch v, u32 first, u32 stop) noexcept nogil
    cdef bint full(self, u32 more) noexcept nogil
    @cython.locals(word=u64, quad=u64, at=u64, into=u32, out=u32)
    cdef void start(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, long long now) noexcept nogil
    @cython.locals(old=u64, frames=u64)
    cdef void _inherit(self, u64 word, u64 quad) noexcept nogil
    @cython.locals(word=u64, quad=u64, side=u32, gap=cython.longlong)
    cdef void count(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, u32 direction, long long now) noexcept nogil
    @cython.locals(word=u64, side=u32)
    cdef void count_others(self, VerdictBatch v, u32 i, u32 row, u32 direction) noexcept nogil
    cdef void _count_rare(self, VerdictBatch v, u32 i, u64 word) noexcept nogil
    @cython.locals(one=u64)
    cdef u64 _flag(self, u32 bit) noexcept nogil
    @cython.locals(flags=u32, shift=u32, seen=u32)
    cdef void _history_tcp(self, PacketBatch b, u32 i, u64 word, u64 quad, u32 side) noexcept nogil
    @cython.locals(history=u64, place=u32, code=u64)
    cdef void _letter(self, u64 quad, u32 letter, u32 side) noexcept nogil
    @cython.locals(history=u64, place=u32, code=u64)
    cdef void _letter_once(self, u64 quad, u32 letter, u32 side) noexcept nogil
    @cython.locals(i=u32, row=u32, at=u64, quad=u64)
    cdef void settle(self) noexcept nogil
    cdef void _put_time(self, u64 at, long long when) noexcept nogil
