"""Every helper is listed, with facts that agree with the vocabulary."""

import pytest

from pcapaudit.conntrack.helpers.registry import BY_NAME, BY_NUMBER, DEFAULT_PARAMS
from pcapaudit.core import vocab


@pytest.mark.parametrize("helper", BY_NUMBER.values(), ids=lambda each: each.name)
def test_facts(helper):
    """Number, name, IP versions as the vocabulary says; limits that Linux's counters can hold; settings that begin with the name."""
    assert vocab.HELPERS[helper.number] == helper.name
    assert BY_NAME[helper.name] is helper
    assert (helper.versions == (4,)) == (helper.number in vocab.IPV4_HELPERS)
    assert helper.policies
    assert all(0 <= each.most <= 255 and each.timeout_ns > 0 for each in helper.policies)
    assert all(name in DEFAULT_PARAMS for name, _ in helper.params)
