import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    CSUM_BAD,
    CSUM_GOOD,
    CSUM_OFFLOADED,
    CSUM_UNCHECKED,
    FRAME_CSUM_NOT_READY,
    FRAME_CSUM_VALID,
)
from pcapaudit.core.bytes cimport be16, le64

ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef enum:
    MODE_AUTO = 0
    MODE_VERIFY = 1
    MODE_IGNORE = 2


cpdef u32 fold(u64 total) noexcept nogil
@cython.locals(total=u64, word=u64, shift=u32)
cpdef u32 sum16(PacketBatch b, Py_ssize_t at, Py_ssize_t end) noexcept nogil
@cython.locals(each=u64, total=u64)
cpdef u64 pseudo_sum(PacketBatch b, Py_ssize_t i, u32 proto, u32 l4_len) noexcept nogil


@cython.final
cdef class Summer:
    cdef u32 mode
    cdef u32[::1] crc

    @cython.locals(known=u32)
    cdef u32 _known(self, PacketBatch b, Py_ssize_t i) noexcept nogil
    @cython.locals(known=u32, pseudo=u64, found=u32, end=Py_ssize_t)
    cdef u32 internet(self, PacketBatch b, Py_ssize_t i, Py_ssize_t field, u32 proto, u32 cover) noexcept nogil
    @cython.locals(known=u32, found=u32, crc=u32, j=Py_ssize_t, byte=u32)
    cdef u32 sctp(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
