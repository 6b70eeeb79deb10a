# The functions of seqnum.py for compiled modules, inlined there; tests/conntrack/test_seqnum.py and the two builds compare them.


cdef inline unsigned int wrap(unsigned int number) noexcept nogil:
    return number


cdef inline bint before(unsigned int left, unsigned int right) noexcept nogil:
    return (left - right) >> 31


cdef inline bint after(unsigned int left, unsigned int right) noexcept nogil:
    return (right - left) >> 31
