import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    ANOM_IP_VERSION,
    ANOM_LAYER_LIMIT,
    ANOM_LINK_MALFORMED,
    ANOM_LINK_TRUNCATED,
    ANOM_UNKNOWN_LINKTYPE,
    FRAME_INBOUND,
    FRAME_OUTBOUND,
    VLAN_NONE,
)
from pcapaudit.core.bytes cimport be16, be32
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
    cdef u32 way

    @cython.locals(layer=u32, steps=u32)
    cdef u32 read(self, PacketBatch b, Py_ssize_t i, Py_ssize_t at, Py_ssize_t end) noexcept nogil
    cdef u32 _step(self, PacketBatch b, u32 layer) noexcept nogil
    cdef bint _short(self, Py_ssize_t size) noexcept nogil
    cdef u32 _ethertype(self, u32 value) noexcept nogil
    cdef u32 _ip(self, PacketBatch b) noexcept nogil
    cdef u32 _ethernet(self, PacketBatch b) noexcept nogil
    cdef u32 _vlan(self, PacketBatch b) noexcept nogil
    cdef u32 _way(self, u32 kind) noexcept nogil
    cdef u32 _sll(self, PacketBatch b) noexcept nogil
    cdef u32 _sll2(self, PacketBatch b) noexcept nogil
    @cython.locals(family=u32)
    cdef u32 _null(self, PacketBatch b, bint network) noexcept nogil
    @cython.locals(value=u32)
    cdef u32 _length_or_type(self, PacketBatch b, Py_ssize_t at) noexcept nogil
    cdef u32 _rare(self, PacketBatch b, u32 layer) noexcept nogil
    cdef u32 _give_up(self, u32 anomaly) noexcept nogil
    cdef u32 _behind(self, PacketBatch b, Py_ssize_t size, Py_ssize_t field, u32 layer) noexcept nogil
    cdef u32 _cooked(self, u32 arphrd, u32 protocol) noexcept nogil
    cdef u32 _family(self, u32 family) noexcept nogil
    @cython.locals(sap=u32)
    cdef u32 _llc(self, PacketBatch b) noexcept nogil
    @cython.locals(organisation=u32)
    cdef u32 _snap(self, PacketBatch b) noexcept nogil
    cdef u32 _nlpid(self, PacketBatch b) noexcept nogil
    cdef u32 _mpls(self, PacketBatch b) noexcept nogil
    cdef u32 _pppoe(self, PacketBatch b) noexcept nogil
    cdef u32 _ppp_hdlc(self, PacketBatch b) noexcept nogil
    @cython.locals(protocol=u32)
    cdef u32 _ppp(self, PacketBatch b) noexcept nogil
    @cython.locals(size=Py_ssize_t, padded=bint)
    cdef u32 _wireless(self, PacketBatch b, u32 layer) noexcept nogil
    @cython.locals(field=Py_ssize_t)
    cdef bint _radiotap_pads(self, PacketBatch b, Py_ssize_t size) noexcept nogil
    @cython.locals(control=u32, size=Py_ssize_t, aggregated=bint)
    cdef u32 _80211(self, PacketBatch b, bint padded) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef u32 _token_ring(self, PacketBatch b) noexcept nogil
    cdef u32 _fddi(self, PacketBatch b) noexcept nogil
    @cython.locals(protocol=u32, size=Py_ssize_t)
    cdef u32 _arcnet(self, PacketBatch b, Py_ssize_t field) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef u32 _frelay(self, PacketBatch b) noexcept nogil
    @cython.locals(size=Py_ssize_t, little=bint)
    cdef u32 _nflog(self, PacketBatch b) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef u32 _pflog(self, PacketBatch b) noexcept nogil
    cdef u32 _ipnet(self, PacketBatch b) noexcept nogil
    @cython.locals(size=Py_ssize_t, linktype=u32)
    cdef u32 _ppi(self, PacketBatch b) noexcept nogil
