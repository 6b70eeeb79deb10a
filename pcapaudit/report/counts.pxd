import cython

from pcapaudit.core.columns cimport PacketBatch, VerdictBatch
from pcapaudit.core.consts cimport VERDICT_SKIP

cdef enum:
    LAST_ZONE = 63


@cython.final
cdef class PacketCounts:
    cdef public object packets
    cdef public object zones
    cdef public object rules
    cdef public object causes
    cdef public object anomalies
    cdef public unsigned long long undecided
    cdef public unsigned long long frame_bytes
    cdef unsigned long long[::1] _packets
    cdef unsigned long long[::1] _zones
    cdef unsigned long long[::1] _rules
    cdef unsigned long long[::1] _causes
    cdef unsigned long long[::1] _anomalies

    @cython.locals(
        i=cython.uint, verdict=cython.uint, cell=cython.uint, into=cython.uint, out=cython.uint, bit=cython.uint, mask=cython.ulonglong
    )
    cdef void count(self, PacketBatch b, VerdictBatch v)
