import cython

from pcapaudit.conntrack.hashing cimport endpoint_hash, pair_hash
from pcapaudit.conntrack.layout cimport (
    KIND_CONNECTION,
    KIND_TRANSLATION,
    Q_DST_HI,
    Q_DST_LO,
    Q_EXPIRES,
    Q_SRC_HI,
    Q_SRC_LO,
    ROW_QUADS,
    ROW_WORDS,
    W_HASH,
    W_PARENT,
    W_PORTS,
    W_PROTO,
    W_STATUS,
)
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport PROTO_ICMP, PROTO_ICMPV6, REASON_NONE
from pcapaudit.wire.quote cimport Quote, read_quote

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Keys:
    cdef Table table
    cdef u64 seed
    cdef unsigned char[::1] answers

    @cython.locals(i=u32)
    cdef void hash_some(self, PacketBatch b, u32 first, u32 stop) noexcept nogil
    @cython.locals(proto=u32, sport=u32, dport=u32, rest=u64, answer=u32, kind=u32, one=u64, other=u64)
    cdef void hash(self, PacketBatch b, u32 i) noexcept nogil
    cdef bint take(self, PacketBatch b, u32 i) noexcept nogil
    cdef void _ports(self, u32 sport, u32 dport) noexcept nogil
    @cython.locals(answer=u32)
    cdef bint _icmp(self, u32 ident, u32 kind, u32 code, u32 l3) noexcept nogil
    @cython.locals(proto=u32, rest=u64, dport=u32, answer=u32, kind=u32, one=u64, other=u64)
    cdef bint take_quoted(self, PacketBatch b, u32 i, Quote quote) noexcept nogil
    @cython.locals(row=u32)
    cpdef u32 peek_aside(self, PacketBatch b, u32 i)
    @cython.locals(slot=u32, row=u32, kind=u32, quote=Quote)
    cpdef u32 peek(self, PacketBatch b, u32 i, bint quotes)
    @cython.locals(quad=u64, word=u64)
    cpdef object tuple_of(self, u32 row)
    cpdef object tuple_at(self, PacketBatch b, u32 i)
    @cython.locals(ports=u32, proto=u32, blocked=u32, slot=u32, row=u32, kind=u32)
    cpdef u32 standing(self, tuple wanted, long long now)
