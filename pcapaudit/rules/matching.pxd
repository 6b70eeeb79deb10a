import cython

from pcapaudit.core.bytes cimport be16
from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_NONE,
    CT_RELATED,
    CT_UNTRACKED,
    DIR_NONE,
    DIR_REPLY,
    HOOK_FORWARD,
    HOOK_INGRESS,
    HOOK_INPUT,
    HOOK_OUTPUT,
    HOOK_POSTROUTING,
    HOOK_PREROUTING,
    IFACE_NONE,
    IFACE_UNKNOWN,
    PATH_FORWARD,
    PATH_OUTPUT,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_TCP,
    PROTO_UDP,
    STATUS_CONFIRMED,
    STATUS_DST_NAT,
    STATUS_SRC_NAT,
    VLAN_NONE,
)
from pcapaudit.rules.fib cimport Fib
from pcapaudit.rules.headers cimport Headers
from pcapaudit.rules.ops cimport *
from pcapaudit.rules.view cimport View

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Matcher:
    cdef PacketBatch batch
    cdef VerdictBatch verdicts
    cdef u32[::1] code
    cdef u32[::1] loads
    cdef u64[::1] pool
    cdef Headers headers
    cdef Fib fib
    cdef bint bridged
    cdef unsigned char[::1] ifaces
    cdef u64[::1] iface_names
    cdef u32 iface_count
    cdef View view
    cdef u32 hook
    cdef readonly bint before_conntrack
    cdef public u32 mark
    cdef bint mark_known
    cdef bint mark_unsure
    cdef bint looked_unsure
    cdef public u32 ct_mark
    cdef public bint ct_mark_known
    cdef public bint ct_mark_set
    cdef bint ct_mark_tainted
    cdef public long long ct_expires
    cdef public u64[::1] ct_packets
    cdef public u64[::1] ct_bytes
    cdef bint ct_zone_set
    cdef bint untracked
    cdef u32 state_unsure
    cdef u32 in_doubt
    cdef u64[::1] helper
    cdef long long now
    cdef u64[::1] parts
    cdef u32 parts_unknown
    cdef readonly u64 value_hi
    cdef readonly u64 value_lo
    cdef public u32 given_mark
    cdef public object watcher
    cdef public bint watched
    cdef public u32 stopped_at
    cdef public u32 unknown_at

    cdef u32 column(self, u32 index) noexcept nogil
    @cython.locals(load=u32, test=u32, found=u32, answer=u32)
    cdef int match(self, u32 i, u32 pc) except -1 nogil
    @cython.locals(new=u32, same=cython.bint)
    cdef int _match_either(self, u32 test, u32 at) noexcept nogil
    @cython.locals(hi=u64, lo=u64)
    cdef int _test(self, u32 test, u32 at) noexcept nogil
    @cython.locals(l3=u32, proto=u32, field=u32, found=u32, mask=u32)
    cdef int load(self, u32 i, u32 load) except -1 nogil
    @cython.locals(found=u32, routed=cython.bint)
    cdef int _load_rare(self, u32 i, u32 load, u32 field) except -1 nogil
    @cython.locals(tagged=cython.bint)
    cdef int _load_link(self, u32 i, u32 load, u32 field) except -1 nogil
    @cython.locals(day=cython.longlong)
    cdef int _load_made(self, u32 i, u32 load, u32 field) except -1 nogil
    cdef int _bits(self, u32 start, u32 end, u32 size, u32 load) except -1 nogil
    cdef int _from(self, int answer) noexcept nogil
    @cython.locals(asked=u32, coming=u32, leaving=u32, found=u32)
    cdef int _load_fib(self, u32 i, u32 load, u32 field) noexcept nogil
    @cython.locals(state=u32, direction=u32, part=u32, found=u32)
    cdef int _load_connection(self, u32 i, u32 field) noexcept nogil
    @cython.locals(side=u32, packets=u64, octets=u64)
    cdef int _load_account(self, u32 i, u32 field) noexcept nogil
    @cython.locals(start=u32)
    cdef int _has_header(self, u32 i, u32 reach) noexcept nogil
    @cython.locals(state=u32)
    cdef u32 _ct_state(self, u32 i) noexcept nogil
    @cython.locals(state=u32)
    cdef bint opens(self, u32 i) noexcept nogil
    @cython.locals(state=u32)
    cdef int store(self, u32 i, u32 target, bint is_main, bint unknown, bint parted) noexcept nogil
    @cython.locals(state=u32)
    cdef int _load_ct(self, u32 i, u32 field) noexcept nogil
    cdef int choose_zone(self, u32 i, bint is_main, bint unknown) noexcept nogil
    @cython.locals(load=u32, slot=u32, found=u32, field=u32, index=u32)
    cdef int read_part(self, u32 i, u32 pc) except -1 nogil
    @cython.locals(found=u32, part=u32)
    cdef int parts_known(self, u32 count) noexcept nogil
    @cython.locals(count=u32, at=u32, elements=u64, part=u32, best=u32, answer=u32)
    cdef int look_up(self, u32 pc, bint is_map) noexcept nogil
    cdef int _within(self, u64 hi, u64 lo, u32 at) noexcept nogil
    @cython.locals(left=u64, right=u64, middle=u64)
    cdef int _search64(self, u64 lo, u32 at) noexcept nogil
    @cython.locals(left=u64, right=u64, middle=u64, first=u64)
    cdef int _search128(self, u64 hi, u64 lo, u32 at) noexcept nogil
    @cython.locals(found=u32, answer=u32, looked=cython.bint)
    cpdef int first_miss(self, u32 i, u32 pc) except -1
    @cython.locals(looked=cython.bint)
    cpdef int read_again(self, u32 i, u32 pc) except -1
    cdef int tell(self, u32 i, u32 what, u32 value, u32 world) except -1 nogil
