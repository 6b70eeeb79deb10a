# The functions of hashing.py for compiled modules, inlined there; tests/conntrack/test_hashing.py holds numbers for both.
ctypedef unsigned long long u64


cdef inline u64 fold(u64 number, unsigned int shift) noexcept nogil:
    return number ^ number >> shift


cdef inline u64 endpoint_hash(u64 hi, u64 lo, u64 port, u64 key) noexcept nogil:
    return fold(
        (fold((fold((lo ^ key) * 0x9E3779B97F4A7C15ULL, 32) ^ hi) * 0xBB67AE8584CAA73BULL, 29) + port) * 0x9E3779B97F4A7C15ULL, 32
    ) * 0xBB67AE8584CAA73BULL


cdef inline unsigned int pair_hash(u64 one, u64 other, u64 rest, u64 key) noexcept nogil:
    return <unsigned int> (((fold(one + other, 31) ^ rest ^ key) * 0xBB67AE8584CAA73BULL) >> 32)
