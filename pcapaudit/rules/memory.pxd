import cython

from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.rules.dynamic cimport DynamicSets
from pcapaudit.rules.limits cimport Limits
from pcapaudit.rules.matching cimport Matcher
from pcapaudit.rules.ops cimport *
from pcapaudit.rules.recent cimport RecentLists
from pcapaudit.rules.view cimport View

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Memory:
    cdef PacketBatch batch
    cdef Matcher matcher
    cdef View view
    cdef Limits limits
    cdef readonly object counts
    cdef DynamicSets dynamic
    cdef RecentLists recent
    cdef long long[::1] lifetimes
    cdef bint started
    cdef u32 answer

    @cython.locals(index=u64, stop=u64)
    cdef int start(self, long long now) except -1 nogil
    cdef int take(self, u32 i, long long now, u32 pc, bint is_main) noexcept nogil
    @cython.locals(op=u32, where=u32)
    cdef int act(self, u32 i, long long now, u32 pc, bint is_main) except -1 nogil
    @cython.locals(found=u32, where=u64)
    cdef int _fade(self, u32 pc, long long now) noexcept nogil
