import cython

from pcapaudit.rules.ops cimport LIMIT_BYTES, LIMIT_OVER, NO, UNKNOWN, YES

ctypedef unsigned int u32


@cython.final
cdef class Limits:
    cdef long long[::1] limits
    cdef long long[::1] quotas

    @cython.locals(last=cython.longlong, largest=cython.longlong, tokens=cython.longlong, cost=cython.longlong, over=u32, answer=u32)
    cdef int take(self, long long now, u32 at, u32 size, bint is_main) noexcept nogil
    @cython.locals(over=u32)
    cdef int use(self, u32 at, u32 size, bint is_main) noexcept nogil
