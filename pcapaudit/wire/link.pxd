import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_IP_VERSION,
    ANOM_LAYER_LIMIT,
    ANOM_LINK_MALFORMED,
    ANOM_LINK_TRUNCATED,
    ANOM_UNKNOWN_LINKTYPE,
    VLAN_NONE,
)
from pcapaudit.wire.bytes cimport be16, be32
from pcapaudit.wire.layers cimport *

ctypedef unsigned int u32
ctypedef unsigned long long u64


@cython.final
cdef class LinkReader:
    cdef const unsigned char[::1] first
    cdef Py_ssize_t at
    cdef Py_ssize_t end
    cdef u64 anomalies
    cdef u32 ethertype
    cdef u32 vlan

    @cython.locals(layer=u32, steps=u32)
    cdef u32 read(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef u32 _step(self, PacketBatch b, u32 layer) noexcept nogil
    cdef bint _short(self, Py_ssize_t size) noexcept nogil
    cdef u32 _ethertype(self, u32 value) noexcept nogil
    cdef u32 _ip(self, PacketBatch b) noexcept nogil
    cdef u32 _ethernet(self, PacketBatch b) noexcept nogil
    cdef u32 _vlan(self, PacketBatch b) noexcept nogil
    cdef u32 _sll(self, PacketBatch b) noexcept nogil
    cdef u32 _sll2(self, PacketBatch b) noexcept nogil
    @cython.locals(family=u32)
    cdef u32 _null(self, PacketBatch b, bint network) noexcept nogil
    @cython.locals(value=u32)
    cdef u32 _length_or_type(self, PacketBatch b, Py_ssize_t at) noexcept nogil
