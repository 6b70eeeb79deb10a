import cython
from libc.string cimport memcpy

cdef enum:
    K_NUMBER = 0
    K_SIGNED = 1
    K_CODE = 2
    K_MASK = 3
    K_ADDRESS = 4
    K_TIME = 5
    K_LETTERS = 6

cdef enum:
    P_KIND = 0
    P_CELL = 1
    P_CELLS = 2
    P_BEFORE = 3
    P_AFTER = 4
    P_NULL = 5
    P_TABLE = 6
    P_TABLE_LEN = 7
    P_BETWEEN = 8
    P_GROUP = 9
    P_SHIFT = 10
    P_COUNT = 11

cdef enum:
    STRIDE = 520
    SLOTS = 1024
    SLOT_BYTES = 512

cdef unsigned long long _NOTHING
cdef unsigned long long _TOP_BIT
cdef unsigned long long _LOW_64
cdef unsigned long long _SPREAD


cdef inline unsigned int put(unsigned char *out, unsigned int place, unsigned char *pool, unsigned int start, unsigned int length) noexcept nogil:
    # Both have slack behind them: most texts are short, and a copy of known length is two instructions.
    memcpy(out + place, pool + start, 16)
    if length > 16:
        memcpy(out + place + 16, pool + start + 16, length - 16)
    return place + length


cdef inline unsigned char *at_bytes(unsigned char[::1] array) noexcept:
    return &array[0]


cdef inline unsigned int *at_words(unsigned int[::1] array) noexcept:
    return &array[0]


cdef inline unsigned long long *at_longs(unsigned long long[::1] array) noexcept:
    return &array[0]


@cython.final
cdef class RowFormatter:
    cdef public list fragments
    cdef public object cells
    cdef public object out_array
    cdef unsigned int field_count
    cdef unsigned int row_end
    cdef public list arrays
    cdef unsigned int *plan
    cdef unsigned int *starts
    cdef unsigned int *lengths
    cdef unsigned int *groups
    cdef unsigned char *pool
    cdef unsigned char *digits
    cdef unsigned char *octets
    cdef unsigned char *out
    cdef unsigned char *known
    cdef unsigned long long *known_keys
    cdef unsigned int *known_lengths
    cdef unsigned int *known_first
    cdef unsigned long long *data

    @cython.locals(row=cython.uint, k=cython.uint, place=cython.uint)
    cdef unsigned int lines(self, unsigned int count)
    cdef unsigned int fragment(self, unsigned int number, unsigned int place) noexcept nogil
    @cython.locals(k=cython.uint, stop=cython.uint, slot=cython.uint, end=cython.uint, key=cython.ulonglong, value=cython.ulonglong)
    cdef unsigned int group(self, unsigned int first, unsigned int row, unsigned int place) noexcept nogil
    @cython.locals(kind=cython.uint, cell=cython.uint, value=cython.ulonglong)
    cdef unsigned int field(self, unsigned int k, unsigned int row, unsigned int place) noexcept nogil
    cdef unsigned int decimal(self, unsigned long long value, unsigned int place) noexcept nogil
    @cython.locals(width=cython.uint)
    cdef unsigned int leading(self, unsigned int value, unsigned int place) noexcept nogil
    cdef unsigned int four(self, unsigned int value, unsigned int place) noexcept nogil
    cdef unsigned int eight(self, unsigned int value, unsigned int place) noexcept nogil
    cdef unsigned int two(self, unsigned int value, unsigned int place) noexcept nogil
    cdef unsigned int signed(self, unsigned long long value, unsigned int place) noexcept nogil
    @cython.locals(table=cython.uint, found=cython.uint, bit=cython.uint)
    cdef unsigned int mask(self, unsigned int k, unsigned long long value, unsigned int place) noexcept nogil
    @cython.locals(cell=cython.uint, word=cython.uint, value=cython.ulonglong)
    cdef unsigned int letters(self, unsigned int k, unsigned int row, unsigned int place) noexcept nogil
    @cython.locals(part=cython.uint, octet=cython.uint)
    cdef unsigned int address4(self, unsigned long long value, unsigned int place) noexcept nogil
    @cython.locals(run_start=cython.uint, run_length=cython.uint, zeros=cython.uint, k=cython.uint, word=cython.ulonglong)
    cdef unsigned int address6(self, unsigned long long high, unsigned long long low, unsigned int place) noexcept nogil
    @cython.locals(shift=cython.uint, digit=cython.uint)
    cdef unsigned int hexadecimal(self, unsigned int value, unsigned int place) noexcept nogil
    @cython.locals(seconds=cython.ulonglong, rest=cython.uint, days=cython.uint)
    cdef unsigned int time(self, unsigned long long value, unsigned int place) noexcept nogil
    @cython.locals(era=cython.uint, day=cython.uint, year=cython.uint, month=cython.uint)
    cdef unsigned int date(self, unsigned int days, unsigned int place) noexcept nogil
    cdef unsigned int pair(self, unsigned int value, unsigned int mark, unsigned int place) noexcept nogil
