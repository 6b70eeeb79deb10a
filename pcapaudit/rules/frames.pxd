import cython

from pcapaudit.rules.ops cimport FRAME_WORDS, MAX_FRAMES

ctypedef unsigned int u32


@cython.final
cdef class Frames:
    cdef u32[::1] words
    cdef u32 parted_at

    cdef u32 push(self, u32 top, u32 slot, u32 chain, u32 waiting, u32 parted_at, bint is_goto) noexcept nogil
    @cython.locals(back=u32, world=u32)
    cdef u32 pop(self, u32 top) noexcept nogil
    cdef void come_back(self, u32 top, u32 worlds, u32 parted_at) noexcept nogil
