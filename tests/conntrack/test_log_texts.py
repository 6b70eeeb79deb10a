"""What Linux writes, by reason."""

from __future__ import annotations

import pytest

from pcapaudit.conntrack.log_texts import Facts, log_text
from pcapaudit.core import consts

TCP = consts.PROTO_TCP


@pytest.mark.parametrize(
    ("reason", "facts", "text"),
    [
        (consts.REASON_TCP_SEQ_OVER, Facts(TCP, high=99), "SEQ is over upper bound 100 (over the window of the receiver)"),
        (consts.REASON_TCP_SEQ_UNDER, Facts(TCP, low=0), "SEQ is under lower bound 4294967295 (already ACKed data retransmitted)"),
        (consts.REASON_TCP_ACK_OVER, Facts(TCP, high=0xFFFFFFFF), "ACK is over upper bound 0 (ACKed data not seen yet)"),
        (consts.REASON_TCP_ACK_UNDER, Facts(TCP, low=11), "ignored ACK under lower bound 10 (possible overly delayed)"),
        (consts.REASON_TCP_OVERSHOT, Facts(TCP, overshot=3), "3 bytes more than expected"),
        (consts.REASON_TCP_STATE, Facts(TCP, kind=1, state=consts.TCPS_LAST_ACK), "packet (index 1) in dir 0 invalid, state LAST_ACK"),
        (consts.REASON_TCP_IGNORED, Facts(TCP, kind=0, direction=1), "packet (index 0) in dir 1 ignored, state NONE"),
        (consts.REASON_TCP_FLAGS, Facts(TCP), "invalid tcp flag combination"),
        (consts.REASON_BAD_CHECKSUM, Facts(consts.PROTO_SCTP), "bad CRC"),
        (consts.REASON_BAD_CHECKSUM, Facts(consts.PROTO_UDP), "bad checksum"),
        (consts.REASON_SHORT_HEADER, Facts(TCP), "truncated packet"),
        (consts.REASON_ICMP_QUOTE_MISMATCH, Facts(1, outer="10.0.0.1", inner="10.0.0.2"), "outer daddr 10.0.0.1 != inner 10.0.0.2"),
        (consts.REASON_POLICY, Facts(TCP), ""),
        (consts.REASON_NONE, Facts(TCP), ""),
    ],
)
def test_text_of_a_reason(reason, facts, text):
    """The numbers are those just outside the bounds, as Linux has them."""
    assert log_text(reason, facts) == text
