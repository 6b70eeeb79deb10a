import cython

from pcapaudit.conntrack.layout cimport HELPER_IPV4, HELPER_IPV6, HELPER_SHIFT, ROW_WORDS, W_STATUS
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport PROTO_TCP, PROTO_UDP, STATUS_EXPECTED, STATUS_HELPER

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Relations:
    cdef Table table
    cdef public object related
    cdef public bint watching
    cdef unsigned short[::1] expected_ports
    cdef unsigned char[::1] helper_ports
    cdef bint by_tuple
    cdef public u32 expecting
    cdef public u32 blind
    cdef u32 template
    cdef bint unsure
    cdef public bint keyed
    cdef public bint follows

    cpdef watch(self, object related, object expected_ports, object helper_ports, bint by_tuple)
    @cython.locals(expected=u32)
    cdef void arrive(self, PacketBatch b, u32 i, u32 row, long long now) noexcept nogil
    cdef void spend(self, PacketBatch b, u32 i, long long now) noexcept nogil
    cdef void find_key(self, u32 i) noexcept nogil
    @cython.locals(at=u64, status=u32)
    cdef void assign(self, PacketBatch b, u32 i, u32 row, u32 helper) noexcept nogil
    cdef void forget(self, u32 row, long long when) noexcept nogil
