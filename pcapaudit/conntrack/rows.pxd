# The functions of rows.py for compiled modules, inlined there: a row is a pointer to its first word.
from pcapaudit.conntrack.layout cimport Q_DST_HI, Q_DST_LO, Q_EXPIRES, Q_SRC_HI, Q_SRC_LO, ROW_WORDS, SIDE_WORDS, W_PORTS, W_SIDE
from pcapaudit.conntrack.table cimport Table
from pcapaudit.core.columns cimport PacketBatch
from pcapaudit.core.consts cimport DIR_NONE, DIR_ORIGINAL, DIR_REPLY


cdef inline unsigned int *words_at(Table table, unsigned long long row) noexcept nogil:
    return &table.w[row * ROW_WORDS]


cdef inline unsigned int *side_at(unsigned int *words, unsigned int direction) noexcept nogil:
    return words + W_SIDE + SIDE_WORDS * direction


cdef inline long long expires_at(unsigned int *words) noexcept nogil:
    return (<long long *> words)[Q_EXPIRES]


cdef inline void set_expires(unsigned int *words, long long when) noexcept nogil:
    (<long long *> words)[Q_EXPIRES] = when


cdef inline unsigned long long quad_at(unsigned int *words, unsigned int place) noexcept nogil:
    return (<unsigned long long *> words)[place]


cdef inline unsigned int direction_in(unsigned int *words, PacketBatch b, unsigned int i) noexcept nogil:
    if (
        words[W_PORTS] == (b.sport[i] | <unsigned int> b.dport[i] << 16)
        and quad_at(words, Q_SRC_LO) == b.src_lo[i]
        and quad_at(words, Q_DST_LO) == b.dst_lo[i]
        and quad_at(words, Q_SRC_HI) == b.src_hi[i]
        and quad_at(words, Q_DST_HI) == b.dst_hi[i]
    ):
        return DIR_ORIGINAL
    if (
        words[W_PORTS] == (b.dport[i] | <unsigned int> b.sport[i] << 16)
        and quad_at(words, Q_SRC_LO) == b.dst_lo[i]
        and quad_at(words, Q_DST_LO) == b.src_lo[i]
        and quad_at(words, Q_SRC_HI) == b.dst_hi[i]
        and quad_at(words, Q_DST_HI) == b.src_hi[i]
    ):
        return DIR_REPLY
    return DIR_NONE
