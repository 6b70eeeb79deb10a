# The functions of rows.py for compiled modules, inlined there: a row is a pointer to its first word.
from pcapaudit.conntrack.layout cimport Q_EXPIRES, ROW_WORDS, SIDE_WORDS, W_SIDE
from pcapaudit.conntrack.table cimport Table


cdef inline unsigned int *words_at(Table table, unsigned long long row) noexcept nogil:
    return &table.w[row * ROW_WORDS]


cdef inline unsigned int *side_at(unsigned int *words, unsigned int direction) noexcept nogil:
    return words + W_SIDE + SIDE_WORDS * direction


cdef inline long long expires_at(unsigned int *words) noexcept nogil:
    return (<long long *> words)[Q_EXPIRES]


cdef inline void set_expires(unsigned int *words, long long when) noexcept nogil:
    (<long long *> words)[Q_EXPIRES] = when
