import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport (
    FRAME_INBOUND,
    FRAME_OUTBOUND,
    IFACE_NONE,
    IFACE_UNKNOWN,
    PATH_FORWARD,
    PATH_INPUT,
    PATH_OUTPUT,
    PATH_UNKNOWN,
    VLAN_NONE,
)
from pcapaudit.core.bytes cimport be16

ctypedef unsigned long long u64
ctypedef unsigned int u32

# As in segments.py.
cdef enum:
    ZONE_BITS = 0x1FFF
    NOWHERE = 0x1FFF
    OWN = 0x2000
    GROUP = 0x4000
    MIXED = 0x8000

# LINKTYPE_ETHERNET.
cdef enum:
    ETHERNET = 1
    BY_VLAN = 1
    BY_INTERFACE = 3


@cython.final
cdef class Vantage:
    cdef PacketBatch batch
    cdef u32 forced
    cdef u32 otherwise
    cdef bint bridged
    cdef u32 zones_by
    cdef unsigned short[::1] upper
    cdef u32[::1] spans
    cdef u32 spans6
    cdef u64[::1] starts_hi
    cdef u64[::1] starts_lo
    cdef unsigned short[::1] codes
    cdef object interfaces
    cdef dict recorded
    cdef u32 known
    cdef bint has_links
    cdef unsigned short[::1] by_vlan
    cdef unsigned short[::1] by_interface
    cdef u64[::1] macs
    cdef unsigned short[::1] mac_zones
    cdef u32 mac_count

    @cython.locals(i=u32)
    cpdef void place(self)
    cdef void _learn(self)
    @cython.locals(vlan=u32, at=u32, stop=u32)
    cdef u32 _ct_zone(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(link=u32)
    cdef void _place_by_link(self, PacketBatch b, u32 i) noexcept nogil
    cdef u32 _link(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(source=u32, destination=u32)
    cdef void _place_by_mac(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(mac=u64, left=u32, right=u32, middle=u32, k=u32)
    cdef u32 _mac_zone(self, PacketBatch b, u32 at) noexcept nogil
    cpdef void place_row(self, u32 i) noexcept nogil
    @cython.locals(src=u32, dst=u32, path=u32, came=u32, to_all=u32)
    cdef void _place(self, PacketBatch b, u32 i) noexcept nogil
    @cython.locals(code=u32)
    cdef u32 _code(self, u64 hi, u64 lo, u32 upper, u32 first_span) noexcept nogil
    @cython.locals(left=u32, right=u32, middle=u32, start=u64)
    cdef u32 _search(self, u64 hi, u64 lo, u32 span) noexcept nogil
