"""Every number that a column may hold has its name, and every name is used once."""

from __future__ import annotations

import pytest

from pcapaudit.core import consts, vocab

GROUPS = {
    "CT_": vocab.CT_STATES,
    "DIR_": vocab.DIRECTIONS,
    "VERDICT_": vocab.VERDICTS,
    "HOOK_": vocab.HOOKS,
    "PATH_": vocab.PATHS,
    "TCPS_": vocab.TCP_STATES,
    "SCTPS_": vocab.SCTP_STATES,
    "DCCPS_": vocab.DCCP_STATES,
    "STATUS_": vocab.CT_STATUS_BITS,
    "END_": vocab.END_REASONS,
    "CSUM_": vocab.CHECKSUMS,
    "REASON_": vocab.REASONS,
    "ANOM_": vocab.ANOMALIES,
}


@pytest.mark.parametrize("prefix", GROUPS)
def test_group_names_every_number_once(prefix):
    """The table has exactly the constants of its group, and no name twice."""
    numbers = {value for name, value in vars(consts).items() if name.startswith(prefix)}
    assert set(GROUPS[prefix]) == numbers
    assert len(set(GROUPS[prefix].values())) == len(numbers)


def test_every_reason_has_a_text():
    """A code that is shown can be explained."""
    assert all(vocab.REASON_TEXTS[code] for code in vocab.REASONS.values())


def test_anomaly_code_is_its_constants_name():
    """ANOM_X_Y is called x-y, so that one is found from the other, and each has a text."""
    derived = {value: name[5:].lower().replace("_", "-") for name, value in vars(consts).items() if name.startswith("ANOM_")}
    assert derived == vocab.ANOMALIES
    assert all(vocab.ANOMALY_TEXTS[code] for code in vocab.ANOMALIES.values())


def test_anomaly_names_in_bit_order():
    """A mask reads from its lowest bit on."""
    mask = 1 << consts.ANOM_TUNNEL | 1 << consts.ANOM_NO_TIMESTAMP
    assert vocab.anomaly_names(mask) == ["no-timestamp", "tunnel"]
    assert vocab.anomaly_names(0) == []


def test_status_names_in_bit_order():
    """Status bits read as conntrack prints them."""
    assert vocab.status_names(consts.STATUS_ASSURED | consts.STATUS_SEEN_REPLY) == ["seen_reply", "assured"]
