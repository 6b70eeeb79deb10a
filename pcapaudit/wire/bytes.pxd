from pcapaudit.core.columns cimport PacketBatch

# Bodies stand in bytes.py too, for uncompiled runs; here they are compiled into each module that uses them. The compiler makes one load of each.


cdef inline unsigned int be16(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return (<unsigned int> b.data[at] << 8) | b.data[at + 1]


cdef inline unsigned int be32(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return (
        (<unsigned int> b.data[at] << 24)
        | (<unsigned int> b.data[at + 1] << 16)
        | (<unsigned int> b.data[at + 2] << 8)
        | b.data[at + 3]
    )


cdef inline unsigned long long be64(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return (
        (<unsigned long long> b.data[at] << 56)
        | (<unsigned long long> b.data[at + 1] << 48)
        | (<unsigned long long> b.data[at + 2] << 40)
        | (<unsigned long long> b.data[at + 3] << 32)
        | (<unsigned long long> b.data[at + 4] << 24)
        | (<unsigned long long> b.data[at + 5] << 16)
        | (<unsigned long long> b.data[at + 6] << 8)
        | b.data[at + 7]
    )


cdef inline unsigned long long le64(PacketBatch b, Py_ssize_t at) noexcept nogil:
    return (
        b.data[at]
        | (<unsigned long long> b.data[at + 1] << 8)
        | (<unsigned long long> b.data[at + 2] << 16)
        | (<unsigned long long> b.data[at + 3] << 24)
        | (<unsigned long long> b.data[at + 4] << 32)
        | (<unsigned long long> b.data[at + 5] << 40)
        | (<unsigned long long> b.data[at + 6] << 48)
        | (<unsigned long long> b.data[at + 7] << 56)
    )
