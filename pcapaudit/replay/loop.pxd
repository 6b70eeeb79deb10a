import cython

from pcapaudit.conntrack.layout cimport (
    HELPER_SHIFT,
    OUTCOME_SHIFT,
    Q_EXPIRES,
    ROW_QUADS,
    ROW_UNSURE,
    ROW_WORDS,
    SIDE_FLAGS,
    SIDE_WORDS,
    STATUS_SHOWN,
    TO_DROP,
    TO_RULES,
    TO_RULES_AGAIN,
    TO_SKIP,
    W_FLOW,
    W_MARK,
    W_PARENT,
    W_PROTO,
    W_SIDE,
    W_STATUS,
)
from pcapaudit.conntrack.relations cimport Relations
from pcapaudit.conntrack.rows cimport expires_at, words_at
from pcapaudit.conntrack.tracker cimport Tracker
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    BATCH_FRAMES,
    CT_INVALID,
    CT_NONE,
    CT_UNTRACKED,
    DIR_NONE,
    DIR_ORIGINAL,
    DIR_REPLY,
    END_CLOSED,
    END_RESET,
    GROUP_PACKETS,
    HELPER_H245,
    HELPER_Q931,
    HOOK_INPUT,
    HOOK_NONE,
    HOOK_POSTROUTING,
    HOOK_PREROUTING,
    PATH_INPUT,
    PROTO_TCP,
    PROTO_UDP,
    REASON_CLASH,
    REASON_FRAGMENT_DROPPED,
    REASON_FRAGMENT_QUEUED,
    REASON_HELPER,
    REASON_ICMP_QUOTE_SHORT,
    REASON_NONE,
    STATUS_CONFIRMED,
    STATUS_EXPECTED,
    STATUS_HELPER,
    REASON_NONE,
    VERDICT_ACCEPT,
    VERDICT_DROP,
    VERDICT_SKIP,
)
from pcapaudit.replay.flows cimport FlowTable
from pcapaudit.replay.translation cimport Translations
from pcapaudit.rules.evaluate cimport Evaluator
from pcapaudit.rules.outcomes cimport Outcomes

cdef enum:
    GROUP_ENDS = 512
    QUEUED = 0
    ALONE = 2
    WHOLE = 3

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Loop:
    cdef public Tracker tracker
    cdef Relations relations
    cdef public Evaluator evaluator
    cdef Outcomes outcomes
    cdef public FlowTable flows
    cdef object take_fragment
    cdef bint observed
    cdef bint uses_ct_mark
    cdef bint uses_ct_account
    cdef bint uses_ct_helper
    cdef u64[::1] helper_names
    cdef u64[::1] counts
    cdef unsigned char[::1] resets
    cdef Translations translations
    cdef bint translates
    cdef bint remembers
    cdef bint straight
    cdef public long long now
    cdef readonly long long earliest
    cdef u32 left
    cdef u32 stop
    cdef u32 touched
    cdef u32 fetched

    @cython.locals(stop=u32, last=u32, i=u32)
    cdef int _group(self, PacketBatch b, VerdictBatch v, u32 first) except -1 nogil
    @cython.locals(far=u32, near=u32)
    cdef void _look_ahead(self, PacketBatch b, VerdictBatch v, u32 stop) noexcept nogil
    @cython.locals(answer=u32)
    cdef int _fragment(self, PacketBatch b, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(row=u32, word=u64, at=u64, number=u32, status=u64)
    cdef bint _again(self, PacketBatch b, VerdictBatch v, u32 i) noexcept nogil
    cdef void _copy(self, VerdictBatch v, u32 i) noexcept nogil
    @cython.locals(word=u32)
    cdef void _doubt(self) noexcept nogil
    cdef u32 _was_in_doubt(self) noexcept nogil
    @cython.locals(row=u32, dropped=u32)
    cdef int _help(self, PacketBatch b, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(number=u32)
    cdef bint _counts_empty(self, u32 row) noexcept nogil
    @cython.locals(clashes=cython.bint)
    cdef bint _fits(self, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(word=u64, at=u64, number=u32, verdict=u32, accepted=cython.bint)
    cdef int _judge(self, PacketBatch b, VerdictBatch v, u32 i, bint again) except -1 nogil
    @cython.locals(word=u64, accepted=cython.bint)
    cdef int _ask(self, PacketBatch b, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(number=u32, status=u32)
    cdef int _bring_helper(self, u32 row) except -1 nogil
    @cython.locals(row=u32, at=u64, side=u32)
    cdef int _bring_account(self, PacketBatch b, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(way=u32, accepted=cython.bint, untracked=cython.bint, early=cython.bint, again=cython.bint)
    cdef int _packet(self, PacketBatch b, VerdictBatch v, u32 i) except -1 nogil
    @cython.locals(row=u32, direction=u32)
    cdef void _account(self, PacketBatch b, VerdictBatch v, u32 i) noexcept nogil
    cdef void _not_judged(self, VerdictBatch v, u32 i, u32 verdict) noexcept nogil
    @cython.locals(w=cython.p_uint, quoted=cython.bint)
    cdef void _write(self, VerdictBatch v, u32 i, u32 row) noexcept nogil
