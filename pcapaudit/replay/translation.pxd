import cython

from pcapaudit.conntrack.aliases cimport Aliases
from pcapaudit.conntrack.layout cimport (
    KIND_BLOCKED,
    KIND_TRANSLATION,
    NOTE_INDEXED,
    NOTE_KEY_LEAVES,
    NOTE_SEEN_BEHIND,
    NOTE_STATUS_OPEN,
    Q_DST_HI,
    Q_DST_LO,
    Q_EXPIRES,
    Q_SRC_HI,
    Q_SRC_LO,
    ROW_QUADS,
    ROW_TRANSLATED,
    ROW_WORDS,
    TO_DROP,
    TO_RULES,
    TO_SKIP,
    W_NAT_CAUSE,
    W_NAT_NOTES,
    W_PARENT,
    W_PORTS,
    W_PROTO,
    W_STATUS,
)
from pcapaudit.conntrack.tracker cimport Tracker
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    CT_NONE,
    DIR_NONE,
    DIR_REPLY,
    IFACE_NONE,
    IFACE_UNKNOWN,
    PATH_FORWARD,
    PATH_INPUT,
    PATH_OUTPUT,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_TCP,
    REASON_ICMP_QUOTE_SHORT,
    REASON_SEEN_TRANSLATED,
    STATUS_DST_NAT,
    STATUS_DST_NAT_DONE,
    STATUS_SRC_NAT,
    STATUS_SRC_NAT_DONE,
)
from pcapaudit.replay.vantage cimport Vantage
from pcapaudit.rules.evaluate cimport Evaluator
from pcapaudit.rules.ops cimport (
    ENTERING,
    HIDE_DESTINATION,
    HIDE_DPORT,
    HIDE_SOURCE,
    HIDE_SPORT,
    LEAVING,
    NAT_DESTINATION,
    NAT_SOURCE,
    ORIGINAL,
    REPLY,
)
from pcapaudit.rules.view cimport View

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Translations:
    cdef Tracker tracker
    cdef readonly Evaluator evaluator
    cdef Vantage vantage
    cdef View view
    cdef PacketBatch batch
    cdef VerdictBatch verdicts
    cdef list nats
    cdef bint on4
    cdef bint on6
    cdef u32 changed
    cdef u32 captured
    cdef dict own
    cdef dict waiting
    cdef u32 waiting_count
    cdef dict sources
    cdef Py_ssize_t most_sources
    cdef long long now

    @cython.locals(row=u32, early=u32)
    cdef int meet(self, PacketBatch b, VerdictBatch v, u32 i, long long now) except -1 nogil
    @cython.locals(start=u64, head=u32)
    cdef bint _quotes_too_little(self, PacketBatch b, u32 i) noexcept nogil
    cdef int _meet_first(self, VerdictBatch v, u32 i, long long now) except -1 nogil
    @cython.locals(translation=u32, notes=u32)
    cdef void _meet_known(self, PacketBatch b, VerdictBatch v, u32 i, u32 row) noexcept nogil
    cdef void _put_tuples(self, u32 row, u32 translation, u32 notes) noexcept nogil
    @cython.locals(quad=u64, ports=u32, at=u32, source=u32)
    cdef void _put_key(self, u32 which, u32 row, bint turned) noexcept nogil
    @cython.locals(hidden=u32)
    cdef void _meet_error(self, VerdictBatch v, u32 i, u32 row, u32 translation) noexcept nogil
    cdef void _put_target(self, u32 which, u32 other, u32 end) noexcept nogil
    cdef void _route(self, PacketBatch b, u32 i) noexcept nogil
