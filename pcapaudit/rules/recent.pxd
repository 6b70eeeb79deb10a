import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.rules.ops cimport *

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class RecentLists:
    cdef PacketBatch batch
    cdef u64[::1] rules
    cdef u64[::1] starts
    cdef u64[::1] rings
    cdef u64[::1] entries
    cdef unsigned char[::1] tainted
    cdef u64 written

    @cython.locals(number=u64, by_source=u64, hi=u64, lo=u64, action=u64, entry=u64, found=u32, answer=u32)
    cdef int match(self, u32 i, u64 now, u32 at, bint is_main) noexcept nogil
    @cython.locals(size=u64, entry=u64, stop=u64)
    cdef u64 _find(self, u64 number, u64 hi, u64 lo, u64 ttl) noexcept nogil
    @cython.locals(size=u64, entry=u64, stop=u64, oldest=u64)
    cdef u64 _make(self, u64 number, u64 hi, u64 lo) noexcept nogil
    @cython.locals(entry=u64, wanted=u64, span=u64, hits=u64, index=u64)
    cdef int _hit(self, u32 at, u64 place, u64 now) noexcept nogil
    @cython.locals(entry=u64, index=u64)
    cdef void _write(self, u64 number, u64 place, u64 now, u64 ttl) noexcept nogil
