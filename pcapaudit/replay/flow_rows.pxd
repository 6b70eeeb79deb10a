import cython

from pcapaudit.conntrack.layout cimport KIND_BLOCKED, W_PORTS, W_PROTO, W_STATUS
from pcapaudit.core.consts cimport PROTO_ICMP, PROTO_ICMPV6
from pcapaudit.replay.flow_layout cimport (
    HISTORY_LETTERS,
    IFACE_LIMIT,
    OUT_FLOW,
    OUT_QUADS,
    Q_FIRST_FRAME,
    Q_HISTORY,
    W_BLOCKED_COUNT,
    W_BLOCKED_FRAME,
    W_DROPPED,
    W_LAST_FRAME,
    W_PACKETS,
    W_REJECTED,
    W_WAY,
)

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef u64 _M32

cdef enum:
    BLOCK = 64
    MOVE = 5

    DPORT = 0
    ICMP_TYPE = 1
    ICMP_CODE = 2
    IIF = 3
    OIF = 4
    LAST_FRAME = 5
    ACCEPTED = 6
    FIRST_BLOCKED_FRAME = 7
    BLOCKED = 8
    HISTORY = 9


@cython.final
cdef class Unpacker:
    cdef u64[::1] _moves
    cdef u64 _move_count
    cdef u32[::1] _places
    cdef u8[::1] _letters
    cdef u64 _size
    cdef u64[::1] _quads
    cdef u32[::1] _words
    cdef u8[::1] _b
    cdef u16[::1] _h
    cdef u32[::1] _w
    cdef u64[::1] _q

    @cython.locals(start=u64, stop=u64, move=u64, i=u64)
    cdef void _pass(self, u64 count)
    @cython.locals(quad=u64, shift=u64, mask=u64, place=u64, width=u64, value=u64, i=u64, size=u64, quads=u64[::1], q=u64[::1], w=u32[::1], h=u16[::1], b=u8[::1])
    cdef void _move(self, u64 move, u64 start, u64 stop) noexcept nogil
    @cython.locals(to=u64, word=u64, proto=u32, ports=u32, way=u32, first=u64, accepted=u32, history=u64, k=u32)
    cdef void _make(self, u64 i) noexcept nogil


cdef u16 _interface(u32 number) noexcept nogil
