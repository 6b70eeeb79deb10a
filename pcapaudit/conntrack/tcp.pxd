import cython

from pcapaudit.conntrack.layout cimport (
    GO_IGNORE,
    GO_INVALID,
    SEG_ACK,
    SEG_FIN,
    SEG_NONE,
    SEG_RST,
    SEG_SYN,
    SEG_SYNACK,
    SIDE_CHALLENGE,
    SIDE_CLOSE_INIT,
    SIDE_END,
    SIDE_FLAGS,
    SIDE_LIBERAL,
    SIDE_MAXACK,
    SIDE_MAXACK_SET,
    SIDE_MAXEND,
    SIDE_MAXWIN,
    SIDE_SACK_PERM,
    SIDE_SIMULTANEOUS,
    SIDE_UNACKED,
    SIDE_WSCALE,
    TIMER_TCP_RETRANS,
    TIMER_TCP_UNACK,
    TRACK_ACCEPT,
    TRACK_INVALID,
    TRACK_LAST,
    TRACK_REOPEN,
    W_LAST,
    W_LAST_ACK,
    W_LAST_END,
    W_LAST_SEQ,
    W_LAST_WIN,
    W_SIDE,
    W_STATUS,
)
from pcapaudit.conntrack.rows cimport expires_at, set_expires, side_at, words_at
from pcapaudit.conntrack.seqnum cimport after, before, wrap
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    ANOM_RETRANSMISSION,
    CSUM_BAD,
    DIR_ORIGINAL,
    DIR_REPLY,
    OPT_SACK_PERM,
    OPT_WSCALE,
    PATH_OUTPUT,
    PROTO_TCP,
    REASON_BAD_CHECKSUM,
    REASON_ICMP_OFF_PATH,
    REASON_NONE,
    REASON_TCP_ACK_OVER,
    REASON_TCP_ACK_UNDER,
    REASON_TCP_CHALLENGE_ACK,
    REASON_TCP_FLAGS,
    REASON_TCP_IGNORED,
    REASON_TCP_NO_PICKUP,
    REASON_TCP_NOT_OPENING,
    REASON_TCP_OVERSHOT,
    REASON_TCP_RST_SEQ,
    REASON_TCP_SEQ_OVER,
    REASON_TCP_SEQ_UNDER,
    REASON_TCP_STATE,
    REASON_TCP_SYN_ON_LIVE,
    REASON_TCP_SYNACK_IGNORED,
    STATUS_ASSURED,
    STATUS_CONFIRMED,
    STATUS_FIXED_TIMEOUT,
    STATUS_SEEN_REPLY,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    TCPS_CLOSE,
    TCPS_CLOSE_WAIT,
    TCPS_ESTABLISHED,
    TCPS_FIN_WAIT,
    TCPS_LAST_ACK,
    TCPS_NONE,
    TCPS_SYN_RECV,
    TCPS_SYN_SENT,
    TCPS_SYN_SENT2,
    TCPS_TIME_WAIT,
)

cdef enum:
    MAX_SCALE = 14
    ACK_WINDOW = 66000

cdef extern from *:
    """
    #define PCAPAUDIT_LONG_LEFT_NS 120000000000LL
    """
    const long long LONG_LEFT_NS "PCAPAUDIT_LONG_LEFT_NS"

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Tcp:
    cdef Table table
    cdef unsigned char[::1] transitions
    cdef unsigned char[::1] valid_flags
    cdef unsigned char[::1] flag_kinds
    cdef long long[::1] timers
    cdef bint loose
    cdef bint liberal
    cdef bint ignore_invalid_rst
    cdef u32 max_retrans
    cdef bint check_sums
    cdef bint rst_keeps_unacknowledged
    cdef u32 seq
    cdef u32 ack
    cdef u32 sack
    cdef u32 end
    cdef u32 win
    cdef u32 flags
    cdef u32 kind
    cdef bint unconditional

    cdef u32 error(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(cell=u32)
    cdef u32 may_open(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(w=cython.p_uint, at=u32, side=cython.p_uint, win=u32, end=u32)
    cdef void open(self, PacketBatch b, u32 i, u32 row) noexcept nogil
    @cython.locals(w=cython.p_uint, sender=cython.p_uint, receiver=cython.p_uint, low=u32)
    cdef void quoted(self, VerdictBatch v, u32 i, u32 row, u32 direction, u32 seq) noexcept nogil
    @cython.locals(w=cython.p_uint, old=u32, new=u32, judged=u32)
    cdef u32 packet(self, PacketBatch b, VerdictBatch v, u32 i, u32 row, u32 direction, long long now) noexcept nogil
    @cython.locals(flags=u32)
    cdef u32 _length(self, PacketBatch b, u32 i) noexcept nogil
    cdef void _read(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(flags=u32, scale=u32)
    cdef void _take_options(self, PacketBatch b, u32 i, u32 *side) noexcept nogil
    @cython.locals(held=u32)
    cdef bint _scale_cut_off(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(flags=u32)
    cdef bint _closed_before(self, u32 *w, u32 direction) noexcept nogil
    @cython.locals(other=u32, last=u32, side=cython.p_uint)
    cdef bint _in_step_after_all(self, u32 *w, u32 direction) noexcept nogil
    @cython.locals(last=u32, flags=u32, scale=u32)
    cdef void _note_ignored(self, PacketBatch b, VerdictBatch v, u32 i, u32 *w, u32 direction, u32 old) noexcept nogil
    cdef bint _challenge_expected(self, u32 *w, u32 direction) noexcept nogil
    @cython.locals(status=u32, last=u32, receiver=cython.p_uint, new=u32, expected=u32, established=cython.bint)
    cdef u32 _reset(self, VerdictBatch v, u32 i, u32 *w, u32 direction, u32 old) noexcept nogil
    @cython.locals(s=cython.p_uint, r=cython.p_uint, receiver_end=u32, judged=u32)
    cdef u32 _window(self, PacketBatch b, VerdictBatch v, u32 i, u32 *w, u32 direction, u32 old) noexcept nogil
    @cython.locals(win=u32)
    cdef bint _meet_sender(self, PacketBatch b, u32 i, u32 *s, u32 *r, u32 direction, u32 old) noexcept nogil
    cdef void _start_side(self, PacketBatch b, u32 i, u32 *s, u32 *r, u32 direction) noexcept nogil
    @cython.locals(sender_end=u32, sender_max=u32, sender_win=u32, receiver_end=u32, receiver_win=u32, lowest_seq=u32, lowest_ack=u32, over=u32)
    cdef u32 _bounds(self, VerdictBatch v, u32 i, u32 *s, u32 *r) noexcept nogil
    cdef void _say(self, VerdictBatch v, u32 i, u32 reason, u32 low, u32 high, u32 seen) noexcept nogil
    @cython.locals(sender_end=u32, sender_max=u32, flags=u32, win=u32, reach=u32, bit=u64)
    cdef void _note(self, PacketBatch b, u32 i, u32 *w, u32 *s, u32 *r, u32 direction) noexcept nogil
    @cython.locals(last=u32, last_win=u32)
    cdef void _count_repetition(self, u32 *w, u32 direction) noexcept nogil
    @cython.locals(status=u32, timeout=cython.longlong)
    cdef u32 _apply(self, u32 *w, u32 direction, u32 old, u32 new, long long now) noexcept nogil
    @cython.locals(timeout=cython.longlong, limit=u32, flags=u32)
    cdef long long _timeout(self, u32 *w, u32 new) noexcept nogil
    @cython.locals(w=cython.p_uint, status=u32)
    cdef void close_by_reset(self, PacketBatch b, u32 i, u32 row, long long now) noexcept nogil
    cdef bint _unanswerable(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(status=u32, last=u32, left=cython.longlong)
    cdef void _shorten(self, u32 *w, u32 direction, long long now) noexcept nogil
