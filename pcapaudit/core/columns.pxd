import cython

from pcapaudit.core.consts cimport BATCH_FRAMES, BUFFER_BYTES, SCRATCH_BYTES


@cython.final
cdef class PacketBatch:
    cdef public dict arrays
    cdef public object buffer
    cdef public unsigned int count
    cdef public unsigned long long first_frame
    cdef public unsigned long long data_len
    cdef unsigned char[::1] data
    cdef long long[::1] ts_ns
    cdef unsigned int[::1] offset
    cdef unsigned int[::1] caplen
    cdef unsigned int[::1] origlen
    cdef unsigned short[::1] linktype
    cdef unsigned short[::1] if_id
    cdef unsigned short[::1] file_id
    cdef unsigned long long[::1] file_frame
    cdef unsigned char[::1] frame_flags
    cdef unsigned long long[::1] anomalies
    cdef unsigned short[::1] ethertype
    cdef unsigned short[::1] vlan
    cdef unsigned char[::1] l3
    cdef unsigned char[::1] proto
    cdef unsigned int[::1] l3_off
    cdef unsigned int[::1] l4_off
    cdef unsigned int[::1] payload_off
    cdef unsigned int[::1] end_off
    cdef unsigned int[::1] ip_len
    cdef unsigned int[::1] l4_len
    cdef unsigned int[::1] payload_len
    cdef unsigned long long[::1] src_hi
    cdef unsigned long long[::1] src_lo
    cdef unsigned long long[::1] dst_hi
    cdef unsigned long long[::1] dst_lo
    cdef unsigned short[::1] sport
    cdef unsigned short[::1] dport
    cdef unsigned char[::1] icmp_type
    cdef unsigned char[::1] icmp_code
    cdef unsigned char[::1] ttl
    cdef unsigned char[::1] tos
    cdef unsigned int[::1] ip_id
    cdef unsigned short[::1] frag
    cdef unsigned char[::1] tcp_flags
    cdef unsigned char[::1] tcp_opts
    cdef unsigned int[::1] seq
    cdef unsigned int[::1] ack
    cdef unsigned short[::1] win_raw
    cdef unsigned char[::1] wscale
    cdef unsigned short[::1] mss
    cdef unsigned int[::1] sack_max
    cdef unsigned char[::1] ip_csum
    cdef unsigned char[::1] l4_csum
    cdef unsigned short[::1] iif
    cdef unsigned short[::1] oif
    cdef unsigned char[::1] path
    cdef unsigned short[::1] zone
    cdef unsigned int[::1] hash


@cython.final
cdef class VerdictBatch:
    cdef public dict arrays
    cdef unsigned char[::1] verdict
    cdef unsigned char[::1] decided
    cdef unsigned int[::1] rule
    cdef unsigned short[::1] chain
    cdef unsigned int[::1] cause
    cdef unsigned char[::1] hook
    cdef unsigned short[::1] reason
    cdef unsigned char[::1] ct_state
    cdef unsigned char[::1] direction
    cdef unsigned short[::1] ct_status
    cdef unsigned char[::1] tcp_state
    cdef long long[::1] timeout_ns
    cdef unsigned int[::1] row
    cdef unsigned int[::1] flow
    cdef unsigned int[::1] parent
    cdef unsigned long long[::1] datagram
    cdef unsigned int[::1] bound_low
    cdef unsigned int[::1] bound_high
    cdef unsigned int[::1] seen
