import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    CT_INVALID,
    CT_NEW,
    CT_NONE,
    CT_RELATED,
    CT_UNTRACKED,
    HOOK_INGRESS,
    HOOK_INPUT,
    HOOK_OUTPUT,
    HOOK_POSTROUTING,
    HOOK_PREROUTING,
    IFACE_NONE,
    IFACE_UNKNOWN,
    PATH_INPUT,
    PATH_OUTPUT,
    PATH_UNKNOWN,
    PROTO_ICMP,
    PROTO_ICMPV6,
    REASON_POLICY,
    REASON_RULE,
    STATUS_CONFIRMED,
    VERDICT_ACCEPT,
    VERDICT_DROP,
    VERDICT_REJECT,
    VERDICT_SKIP,
)
from pcapaudit.rules.frames cimport Frames
from pcapaudit.rules.matching cimport Matcher
from pcapaudit.rules.memory cimport Memory
from pcapaudit.rules.outcomes cimport (
    MAX_KEY_INTERFACES,
    OUTCOME_END,
    OUTCOME_KEY,
    OUTCOME_WORDS,
    Outcomes,
)
from pcapaudit.rules.reached cimport ReachedLog
from pcapaudit.rules.ops cimport *
from pcapaudit.rules.view cimport View

cdef extern from *:
    int _lowest_bit "__builtin_ctzll" (unsigned long long) nogil

cdef enum:
    _PLAN_WORDS = 6

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Evaluator:
    cdef public object program
    cdef PacketBatch batch
    cdef VerdictBatch verdicts
    cdef readonly Matcher matcher
    cdef readonly View view
    cdef readonly Memory memory
    cdef public object rule_packets
    cdef public object rule_bytes
    cdef public bint has_raw
    cdef u32 main_path
    cdef u32[::1] code
    cdef u32 iface_count
    cdef u32[::1] slot_start
    cdef u32[::1] slot_rule
    cdef u32[::1] slot_short
    cdef u32[::1] chain_filter
    cdef u64[::1] filters
    cdef unsigned short[::1] protocol_class
    cdef unsigned short[::1] dport_class
    cdef u32 dport_classes
    cdef bint uses_dport
    cdef u32 state
    cdef u32 protocol
    cdef u32 dport
    cdef u32 iif
    cdef u32 oif
    cdef bint all_known
    cdef readonly Outcomes outcomes
    cdef readonly ReachedLog reached
    cdef public bint remembers
    cdef bint plain
    cdef bint steady
    cdef u32[::1] steady_stop
    cdef readonly u32 kept
    cdef u32[::1] chain_first
    cdef u32[::1] chain_stop
    cdef u64[::1] pool
    cdef readonly bint notrack
    cdef readonly u32 helper
    cdef readonly u32 template
    cdef bint parted
    cdef u32 translated_at
    cdef bint in_nat
    cdef bint value_unknown
    cdef u32[::1] bases
    cdef u32[::1] plans
    cdef u64[::1] packets
    cdef u64[::1] octets
    cdef Frames frames
    cdef readonly u32 here
    cdef readonly u32 seen_unknown
    cdef u32 base_chain
    cdef u32 parted_at
    cdef u32 main_verdict
    cdef u32 main_rule
    cdef u32 main_chain
    cdef u32 main_hook
    cdef u32 passed
    cdef u32 possible
    cdef u32[::1] causes

    @cython.locals(key=u64, at=u64, way=u64)
    cpdef int evaluate(self, u32 i, long long now) except -1 nogil
    cpdef int evaluate_raw(self, u32 i, long long now) except -1 nogil
    cdef bint settled(self) noexcept nogil
    cdef void _forget(self, u32 i, bint keep_possible) noexcept nogil
    @cython.locals(path=u32, plan=u32, other=u32)
    cdef int _run_path(self, u32 i, long long now, u32 raw) except -1 nogil
    @cython.locals(start=u32, known=cython.bint)
    cdef void _classify(self, u32 i) noexcept nogil
    cdef u32 _column(self, u32 index) noexcept nogil
    @cython.locals(path=u32, key=u64)
    cdef u64 _key(self, u32 i) noexcept nogil
    @cython.locals(at=u32, stop=u32, left=u32, here=u32, stage=u32, path=u32)
    cdef int _run_plan(self, u32 i, long long now, u32 plan, u32 world) except -1 nogil
    @cython.locals(out=u32, other=u32)
    cdef int _other_ways(self, u32 i, long long now) except -1 nogil
    cdef int _move(self, u32 i, u32 stage, u32 world) except -1 nogil
    @cython.locals(before=cython.bint, left=u32)
    cdef int _walk_nat(self, u32 i, long long now, u32 world) except -1 nogil
    cdef bint _translates(self, u32 i) noexcept nogil
    @cython.locals(index=u32, answer=u32)
    cdef u32 _at_device(self, u32 gate, u32 world) noexcept nogil
    cdef void _end_specially(self, u32 op, u32 here, u32 rule, u32 operand) noexcept nogil
    cdef void _end(self, u32 verdict, u32 worlds, u32 rule) noexcept nogil
    cdef void _allow(self, u32 verdict) noexcept nogil
    @cython.locals(verdict=u32)
    cdef void _write_decided(self, u32 i) noexcept nogil
    @cython.locals(verdict=u32, other=u32)
    cdef void _write(self, u32 i) noexcept nogil
    @cython.locals(chain=u32, slot=u32, top=u32, pc=u32, here=u32, op=u32)
    cdef int _walk(self, u32 i, long long now, u32 world) except -1 nogil
    @cython.locals(head=u32, first=u32, width=u32, word=u32, skipped=u32, bits=u64)
    cdef u32 _next(self, u32 chain, u32 slot) noexcept nogil
    @cython.locals(bits=u64, table=u64, no_output=cython.bint)
    cdef u64 _candidates(self, u32 head, u32 width, u32 word) noexcept nogil
    @cython.locals(pc=u32, op=u32, answer=u32, is_main=cython.bint)
    cdef int _match_rule(self, u32 i, long long now, u32 slot, u32 world) except -1 nogil
    @cython.locals(op=u32, where=u32, answer=u32)
    cdef int _effect(self, u32 i, long long now, u32 pc, bint is_main) except -1 nogil
    @cython.locals(value=u64)
    cdef int _store_helper(self, u32 i, bint is_main) noexcept nogil
