import cython

from pcapaudit.conntrack.layout cimport (
    NOTE_INDEXED,
    NOTE_KEY_LEAVES,
    NOTE_SEEN_BEHIND,
    ROW_TRANSLATED,
    ROW_WORDS,
    W_NAT_NOTES,
    W_STATUS,
)
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.consts cimport DIR_ORIGINAL, DIR_REPLY

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Aliases:
    cdef Table table
    cdef public bint on
    cdef public object memory
    cdef u32[::1] partner
    cdef u32 found
    cdef u32 again

    cdef u32 direction(self, u32 row) noexcept nogil
    @cython.locals(at=u64, notes=u32, direction=u32)
    cdef bint seen_before(self, u32 row) noexcept nogil
    @cython.locals(translation=u32)
    cdef void forget(self, u32 row) noexcept nogil
