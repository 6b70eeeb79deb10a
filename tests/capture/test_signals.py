"""signals.py and its C twin."""

from __future__ import annotations

import re
from pathlib import Path

from pcapaudit.capture import signals


def test_twin_has_the_same_values():
    """The .pxd that the compiled walker sees says what the .py says."""
    text = Path(signals.__file__).with_suffix(".pxd").read_text()
    twin = {name: int(value) for name, value in re.findall(r"^    (\w+) = (\d+)$", text, re.M)}
    assert twin == {name: value for name, value in vars(signals).items() if name.isupper()}


def test_numbers_of_a_group_differ():
    """No two names of a group share a number."""
    for group in ("SIGNAL_", "FAULT_", "LENGTHS_", "TICKS_"):
        values = [value for name, value in vars(signals).items() if name.startswith(group)]
        assert len(values) == len(set(values)) > 2
