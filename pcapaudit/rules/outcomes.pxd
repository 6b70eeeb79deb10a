import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport REASON_POLICY, REASON_RULE, VERDICT_ACCEPT

cdef enum:
    OUTCOME_WORDS = 8
    OUTCOME_KEY = 0
    OUTCOME_END = 1
    OUTCOME_RULE = 2
    OUTCOME_CHAIN = 3
    OUTCOME_COUNTED = 4
    MAX_COUNTED = 4
    PLACES = 1024
    KEPT = 8192
    MAX_LOOKED = 8
    MAX_KEY_INTERFACES = 4094

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Outcomes:
    cdef PacketBatch batch
    cdef VerdictBatch verdicts
    cdef u64[::1] packets
    cdef u64[::1] octets
    cdef readonly u64[::1] words
    cdef u32 counted
    cdef u64[::1] rules

    cdef void count(self, u32 rule) noexcept nogil
    @cython.locals(kept=u64, word=u64)
    cpdef void remember(self, u64 at, u64 key, u64 number) noexcept nogil
    @cython.locals(mixed=u64, place=u64, number=u64, each=u32, looked=u32)
    cpdef u32 keep(self, u64 way, u64 end, u64 rule, u64 chain) noexcept nogil
    @cython.locals(at=u64, each=u32)
    cdef void _write(self, u64 number, u64 way, u64 end, u64 rule, u64 chain) noexcept nogil
    @cython.locals(at=u64, each=u32, same=cython.bint)
    cdef bint _same(self, u64 number, u64 way, u64 end, u64 rule, u64 chain) noexcept nogil
    @cython.locals(devices=u64)
    cdef u64 way(self, u32 i, u64 status) noexcept nogil
    @cython.locals(at=u64)
    cdef u32 recall(self, u32 i, u64 number, u64 status) noexcept nogil
    @cython.locals(at=u64)
    cdef bint accepts(self, u32 i, u64 number, u64 status) noexcept nogil
    @cython.locals(end=u64, rule=u64, verdict=u32, left=u32)
    cdef u32 repeat(self, u32 i, u64 at) noexcept nogil
