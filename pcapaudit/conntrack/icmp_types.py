"""What conntrack makes of ICMP and ICMPv6 types. Data."""

__all__ = ["ERRORS", "QUERIES", "UNTRACKED"]

#: ICMP types by version (4 in 0-255, 6 in 256-511): 1 for those that may open a connection.
QUERIES = bytearray(512)
for _one in (8, 13, 15, 17, 256 + 128, 256 + 139):
    QUERIES[_one] = 1
#: ICMPv6 types that Linux leaves untracked: multicast listeners, router and neighbour discovery (RFC 4861, RFC 2710, RFC 3810, RFC 4286).
UNTRACKED = bytearray(256)
for _one in (130, 131, 132, 133, 134, 135, 136, 143, 151, 152):
    UNTRACKED[_one] = 1
#: By version like QUERIES: 1 for errors, whose quoted packet tells the connection.
ERRORS = bytearray(512)
for _one in (3, 4, 5, 11, 12, *range(256, 256 + 128)):
    ERRORS[_one] = 1
