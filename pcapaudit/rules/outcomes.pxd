import cython

cdef enum:
    OUTCOME_WORDS = 8
    OUTCOME_KEY = 0
    OUTCOME_END = 1
    OUTCOME_RULE = 2
    OUTCOME_CHAIN = 3
    OUTCOME_COUNTED = 4
    MAX_COUNTED = 4
    PLACES = 1024
    MAX_KEY_INTERFACES = 4094

ctypedef unsigned long long u64
ctypedef unsigned int u32


@cython.final
cdef class Outcomes:
    cdef u64[::1] words
    cdef u32 counted
    cdef u64[::1] rules

    cdef void count(self, u32 rule) noexcept nogil
    @cython.locals(each=u32)
    cpdef void keep(self, u64 at, u64 key, u64 end, u32 rule, u32 chain) noexcept nogil
