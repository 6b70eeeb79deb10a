"""What is wrong with a packet whatever connection it belongs to: headers that a host or conntrack refuses. Compiled."""

from __future__ import annotations

import cython

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.dccp_states import HEADER_LENGTHS

if not cython.compiled:
    from pcapaudit.core.bytes import be16
    from pcapaudit.core.consts import (
        ANOM_IP6_EXT_BAD,
        ANOM_IP6_EXT_LIMIT,
        ANOM_IP_HEADER_LEN,
        ANOM_IP_LEN_OVER_FRAME,
        ANOM_IP_TRUNCATED,
        ANOM_IP_VERSION,
        ANOM_TCP_HEADER_LEN,
        CSUM_BAD,
        CSUM_GOOD,
        PATH_OUTPUT,
        PROTO_DCCP,
        PROTO_GRE,
        PROTO_ICMP,
        PROTO_ICMPV6,
        PROTO_NONE,
        PROTO_SCTP,
        PROTO_TCP,
        PROTO_UDP,
        PROTO_UDPLITE,
        REASON_BAD_CHECKSUM,
        REASON_BAD_IP_HEADER,
        REASON_BAD_LENGTH,
        REASON_NONE,
        REASON_NOT_TRACKABLE,
        REASON_SHORT_HEADER,
        REASON_TRUNCATED,
        REASON_UDPLITE_COVERAGE,
    )

    # The protocol in GRE of version 1 (RFC 2637, section 4.1).
    GRE_PPP = 0x880B

__all__ = ["Checks"]


class Checks:
    """Looks at headers. Bytes that only the capture lacks are told apart from bytes that were never there."""

    def __init__(self, config: ConntrackConfig) -> None:
        self.check_sums = config.checksum
        self.dccp_lengths = memoryview(bytearray(HEADER_LENGTHS))

    def unfit(self, b, i):
        """Why a host would not even look at the transport header, or why the capture does not hold enough; REASON_NONE otherwise."""
        bit = 1
        found = b.anomalies[i]
        if found & (bit << ANOM_IP_TRUNCATED):
            return REASON_TRUNCATED
        if found & (bit << ANOM_IP_VERSION | bit << ANOM_IP_HEADER_LEN | bit << ANOM_IP_LEN_OVER_FRAME):
            return REASON_BAD_IP_HEADER
        if b.ip_csum[i] == CSUM_BAD and self.check_sums:
            return REASON_BAD_IP_HEADER
        return REASON_NONE

    def header(self, b, i):
        """Whether the transport header is there: REASON_NONE, what is wrong with it, or REASON_TRUNCATED if the capture cut it off."""
        bit = 1
        proto = b.proto[i]
        start = b.l4_off[i]
        # A later fragment that was not put together with the others.
        if b.frag[i] & 0x1FFF:
            return REASON_NOT_TRACKABLE
        if start == 0:
            if proto == PROTO_NONE or b.anomalies[i] & (bit << ANOM_IP6_EXT_BAD | bit << ANOM_IP6_EXT_LIMIT):
                return REASON_NOT_TRACKABLE
            return REASON_TRUNCATED
        held = b.end_off[i] - start if b.end_off[i] > start else 0
        needed = 0
        if proto == PROTO_TCP:
            needed = 20
        elif proto in (PROTO_UDP, PROTO_UDPLITE, PROTO_ICMP, PROTO_ICMPV6):
            needed = 8
        elif proto in (PROTO_SCTP, PROTO_DCCP):
            needed = 12
        if b.l4_len[i] < needed:
            return REASON_SHORT_HEADER
        if held < needed:
            return REASON_TRUNCATED
        if proto == PROTO_TCP and b.anomalies[i] & (bit << ANOM_TCP_HEADER_LEN):
            return REASON_BAD_LENGTH
        if proto == PROTO_SCTP and held < b.l4_len[i]:
            return self._sctp_held(b, start, held, b.l4_len[i])
        if proto == PROTO_DCCP and held < b.l4_len[i]:
            needed = self.dccp_lengths[b.data[start + 8] & 31]
            return REASON_TRUNCATED if held < needed <= b.l4_len[i] else REASON_NONE
        return self._gre(b, start, held, b.l4_len[i]) if proto == PROTO_GRE else REASON_NONE

    def _gre(self, b, start, held, size):
        """Whether GRE has a tuple. Linux wants PPP in version 1 (PPTP), and tracks a header that is too short for that without keys."""
        if held < 4:
            return REASON_NONE if held == size else REASON_TRUNCATED
        if be16(b, start) & 7 != 1 or size < 8:
            return REASON_NONE
        if held < 8:
            return REASON_TRUNCATED
        return REASON_NONE if be16(b, start + 2) == GRE_PPP else REASON_NOT_TRACKABLE

    def _sctp_held(self, b, start, held, size):
        """Whether enough of a cut-off SCTP packet is captured: its first chunk's type, and the tag that an INIT or INIT ACK announces."""
        if size < 16:
            return REASON_NONE
        if held < 16:
            return REASON_TRUNCATED
        return REASON_TRUNCATED if b.data[start + 12] in (1, 2) and size >= 32 and held < 20 else REASON_NONE

    def error(self, b, i):
        """What is wrong with a UDP, UDP-Lite or SCTP packet whatever its connection, or REASON_NONE."""
        proto = b.proto[i]
        if proto == PROTO_UDP:
            return self._udp_error(b, i)
        if proto == PROTO_UDPLITE:
            return self._udplite_error(b, i)
        if proto == PROTO_SCTP and self.bad_sum(b, i):
            return REASON_BAD_CHECKSUM
        return REASON_NONE

    def bad_sum(self, b, i):
        """Whether the transport checksum is wrong and that counts; what a host sends itself is taken to be right."""
        return self.check_sums and b.l4_csum[i] == CSUM_BAD and b.path[i] != PATH_OUTPUT

    def _udp_error(self, b, i):
        """The length may be short of the packet's, not beyond it."""
        said = be16(b, b.l4_off[i] + 4)
        if said > b.l4_len[i] or said < 8:
            return REASON_BAD_LENGTH
        return REASON_BAD_CHECKSUM if self.bad_sum(b, i) else REASON_NONE

    def _udplite_error(self, b, i):
        """The coverage takes the place of the length; a checksum there must be (RFC 3828, section 3.1)."""
        coverage = be16(b, b.l4_off[i] + 4)
        if coverage and (coverage < 8 or coverage > b.l4_len[i]):
            return REASON_UDPLITE_COVERAGE
        if be16(b, b.l4_off[i] + 6) == 0:
            return REASON_BAD_CHECKSUM
        # Linux sums the pseudo-header with the protocol number of UDP: a checksum that is right looks wrong to it (6.12).
        if b.l4_csum[i] == CSUM_GOOD and self.check_sums and b.path[i] != PATH_OUTPUT:
            return REASON_BAD_CHECKSUM
        return REASON_BAD_CHECKSUM if self.bad_sum(b, i) else REASON_NONE
