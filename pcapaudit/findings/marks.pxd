import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport (
    ANOM_FRAGMENT_TINY,
    ANOM_RETRANSMISSION,
    ANOM_SAME_ENDPOINTS,
    ANOM_TIME_BACKWARDS,
    BATCH_FRAMES,
    CSUM_BAD,
    CSUM_OFFLOADED,
    CT_ESTABLISHED,
    CT_INVALID,
    CT_NEW,
    CT_RELATED,
    PATH_INPUT,
    PROTO_ICMP,
    PROTO_ICMPV6,
    PROTO_TCP,
    PROTO_UDP,
    REASON_ICMP_NO_REQUEST,
    STATUS_ASSURED,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    TCPS_CLOSE,
    TCPS_ESTABLISHED,
    TCPS_SYN_SENT2,
    TCPS_TIME_WAIT,
    VERDICT_DROP,
)

ctypedef unsigned char u8
ctypedef unsigned short u16
ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef unsigned long long _ONE
cdef unsigned long long _ODD
cdef unsigned long long _LATE
cdef unsigned long long _LAND
cdef unsigned long long _AGAIN
cdef unsigned long long _TINY

cdef enum:
    REASONED = 0
    LATE = 1
    SUMS = 2
    STRAY = 3
    BOTH_SYN = 4
    FINS = 5
    CLOSED = 6
    YOUNG_UDP = 7
    DNS = 8
    LET_IN = 9
    UNINVITED = 10
    LAND = 11
    FRAGS = 12
    MARTIAN = 13
    OPENING = 14
    KEPT_RST = 15
    AGAIN = 16
    ERRORS = 17
    CONTROL = 18
    NEWCOMER = 19
    CLASSES = 20

    OF_A_CONNECTION = 1
    UNREADABLE = 2
    UNSORTED = 4

    LOWEST_PORT = 1024
    PORT_DNS = 53


@cython.final
cdef class Marks:
    cdef public object rows
    cdef public object found
    cdef public u32 live
    cdef u32[::1] _kept
    cdef u32 _kept_count
    cdef u8[::1] _odd
    cdef long long[::1] _rows
    cdef u32[::1] _found
    cdef u8[::1] _inside
    cdef u8[::1] _outside
    cdef u8[::1] _reasons
    cdef u8[::1] _control
    cdef bint _has_links

    cdef inline void _mark(self, u32 kind, u32 i) noexcept nogil
    cdef bint _is_control(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(count=cython.Py_ssize_t, kept=cython.Py_ssize_t, i=cython.Py_ssize_t, odd=u8[::1], rows=u32[::1])
    cdef void _sift(self, PacketBatch b, VerdictBatch v) noexcept nogil
    @cython.locals(i=cython.Py_ssize_t)
    cdef void _sift_bytes(self, u8[::1] odd, u8[::1] state, u8[::1] flags, u8[::1] sums, u8[::1] tcp_state, Py_ssize_t count) noexcept nogil
    @cython.locals(i=cython.Py_ssize_t)
    cdef void _sift_words(self, u8[::1] odd, u16[::1] reason, u16[::1] frag, u8[::1] proto, u16[::1] status, Py_ssize_t count) noexcept nogil
    @cython.locals(i=cython.Py_ssize_t, control=u8[::1], said=u32)
    cdef void _sift_rest(self, u8[::1] odd, u64[::1] anomalies, u32[::1] size, u16[::1] sport, u16[::1] dport, Py_ssize_t count) noexcept nogil
    @cython.locals(reason=u32, state=u32, flags=u32, sums=u32, is_stray=cython.bint, over=cython.bint, unsettled=cython.bint)
    cdef void _sort(self, PacketBatch b, VerdictBatch v, u32 i) noexcept nogil
    @cython.locals(source=u32, target=u32)
    cdef bint _is_martian(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(entering=cython.bint, inwards=cython.bint)
    cdef void _homeless(self, PacketBatch b, VerdictBatch v, u32 i) noexcept nogil
    @cython.locals(k=u32, kind=u32)
    cdef void _pass(self, PacketBatch b, VerdictBatch v)
