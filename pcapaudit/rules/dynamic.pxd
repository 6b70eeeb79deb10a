import cython

from pcapaudit.rules.matching cimport Matcher
from pcapaudit.rules.ops cimport *

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class DynamicSets:
    cdef object counts
    cdef long long[::1] sets
    cdef u64[::1] elements
    cdef u32[::1] heads
    cdef long long[::1] updates
    cdef u64[::1] parts
    cdef u64[::1] listed
    cdef u64[::1] own
    cdef bint started
    cdef u64 found_bucket

    @cython.locals(at=u64, number=u64, words=u32, index=u32, found=u64, made=u64, place=u64)
    cdef int start(self, long long now) except -1 nogil
    @cython.locals(count=u32, found=u32, answer=u32)
    cdef int holds(self, Matcher matcher, u32 pc, u32 i, long long now, bint is_main) except -1 nogil
    @cython.locals(count=u32, found=u32)
    cdef int write(self, Matcher matcher, u32 which, u32 i, long long now, bint is_main) except -1 nogil
    @cython.locals(part=u32)
    cdef void _take(self, Matcher matcher, u32 count) noexcept nogil
    cdef u32 key_parts(self, u32 which) noexcept nogil
    @cython.locals(at=u32, found=u64, place=u64, which=u64)
    cdef int look_up(self, Matcher matcher, u32 number, u32 i, long long now, bint is_main) except -1 nogil
    @cython.locals(words=u32, mixed=u64, index=u32)
    cdef u64 _bucket(self, u32 at) noexcept nogil
    cdef u64 _place(self, u32 at, u64 number) noexcept nogil
    @cython.locals(bucket=u64, number=u64, before=u64, place=u64, following=u64)
    cdef u64 find(self, u32 at, long long now) noexcept nogil
    @cython.locals(words=u32, index=u32)
    cdef int _holds(self, u32 at, u64 place) noexcept nogil
    @cython.locals(place=u64)
    cdef void _unlink(self, u32 at, u64 bucket, u64 before, u64 number) noexcept nogil
    @cython.locals(bucket=u64, place=u64, index=u32)
    cdef u64 _insert(self, u32 at, u64 number, long long now, long long timeout_ns) except? 99 nogil
    @cython.locals(bucket=u64, stop=u64, before=u64, number=u64, place=u64, following=u64)
    cdef int _sweep(self, u32 at, long long now) except -1 nogil
    @cython.locals(at=u32, tainted=cython.longlong, number=u64, op=cython.longlong, timeout_ns=cython.longlong, place=u64, known=u64, answer=u32)
    cdef int update(self, Matcher matcher, u32 which, u32 i, long long now, bint is_main) except -1 nogil
    @cython.locals(before=u64, here=u64)
    cdef void _delete(self, u32 at, u64 number) noexcept nogil
    @cython.locals(which=u64)
    cdef bint _counts(self, u64 place) noexcept nogil
    cdef int _begin(self, u64 place, long long now) except -1 nogil
    @cython.locals(idle=cython.bint)
    cdef bint _is_idle(self, u64 place, long long now) except? 1 nogil
    @cython.locals(kind=cython.longlong, over=cython.longlong, most=cython.longlong)
    cdef int _element(self, Matcher matcher, u32 which, u64 place, u32 i, long long now) except -1 nogil
    @cython.locals(largest=cython.longlong, last=cython.longlong, tokens=cython.longlong, flags=cython.longlong, cost=cython.longlong, over=u32, answer=u32)
    cdef int _limit(self, u32 which, u64 place, long long now, u32 size) noexcept nogil
