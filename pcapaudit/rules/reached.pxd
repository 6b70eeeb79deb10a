import cython

cdef enum:
    LOOKED_WORDS = 18

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class ReachedLog:
    cdef public bint on
    cdef u32[::1] rows
    cdef u32[::1] slots
    cdef Py_ssize_t room
    cdef readonly Py_ssize_t reached_count
    cdef u64[::1] looked
    cdef Py_ssize_t looked_room
    cdef readonly Py_ssize_t looked_count
    cdef list _settled

    cpdef int reach(self, u32 i, u32 slot) except -1 nogil
    @cython.locals(at=Py_ssize_t, part=u32)
    cpdef int look(self, u32 i, u32 tally, u64[::1] parts, u32 count) except -1 nogil
    @cython.locals(at=Py_ssize_t)
    cpdef int move(self, u32 start, u32 i) except -1 nogil
