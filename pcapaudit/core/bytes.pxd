from pcapaudit.core.columns cimport PacketBatch

# Bodies stand in bytes.py too, for uncompiled runs; here they are compiled into each module that uses them. One load and a swap each: the
# compiler does not find that in shifts once they are inlined (gcc 12 then made ten instructions of four bytes).
cdef extern from *:
    """
    #ifndef PCAPAUDIT_BYTES
    #define PCAPAUDIT_BYTES
    #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define PCAPAUDIT_BE(bits, value) __builtin_bswap##bits(value)
    #define PCAPAUDIT_LE(bits, value) (value)
    #else
    #define PCAPAUDIT_BE(bits, value) (value)
    #define PCAPAUDIT_LE(bits, value) __builtin_bswap##bits(value)
    #endif
    static inline unsigned int pcapaudit_be16(const unsigned char *p) {
        unsigned short value; __builtin_memcpy(&value, p, 2); return PCAPAUDIT_BE(16, value);
    }
    static inline unsigned int pcapaudit_le16(const unsigned char *p) {
        unsigned short value; __builtin_memcpy(&value, p, 2); return PCAPAUDIT_LE(16, value);
    }
    static inline unsigned int pcapaudit_be32(const unsigned char *p) {
        unsigned int value; __builtin_memcpy(&value, p, 4); return PCAPAUDIT_BE(32, value);
    }
    static inline unsigned int pcapaudit_le32(const unsigned char *p) {
        unsigned int value; __builtin_memcpy(&value, p, 4); return PCAPAUDIT_LE(32, value);
    }
    static inline unsigned long long pcapaudit_be64(const unsigned char *p) {
        unsigned long long value; __builtin_memcpy(&value, p, 8); return PCAPAUDIT_BE(64, value);
    }
    static inline unsigned long long pcapaudit_le64(const unsigned char *p) {
        unsigned long long value; __builtin_memcpy(&value, p, 8); return PCAPAUDIT_LE(64, value);
    }
    #endif
    """
    unsigned int pcapaudit_be16(const unsigned char *) noexcept nogil
    unsigned int pcapaudit_le16(const unsigned char *) noexcept nogil
    unsigned int pcapaudit_be32(const unsigned char *) noexcept nogil
    unsigned int pcapaudit_le32(const unsigned char *) noexcept nogil
    unsigned long long pcapaudit_be64(const unsigned char *) noexcept nogil
    unsigned long long pcapaudit_le64(const unsigned char *) noexcept nogil


cdef inline unsigned int be16(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_be16(&b.data[at])


cdef inline unsigned int le16(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_le16(&b.data[at])


cdef inline unsigned int be32(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_be32(&b.data[at])


cdef inline unsigned int le32(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_le32(&b.data[at])


cdef inline unsigned long long be64(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_be64(&b.data[at])


cdef inline unsigned long long le64(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return pcapaudit_le64(&b.data[at])
