"""The numbers of link layers: the two files say the same."""

from __future__ import annotations

import re

from checkout import PACKAGE

from pcapaudit.wire import layers


def test_pxd_has_the_same_numbers():
    """What the compiled modules see."""
    text = (PACKAGE / "wire" / "layers.pxd").read_text(encoding="utf-8")
    declared = {name: int(value) for name, value in re.findall(r"^    ([A-Z0-9_]+) = (\d+)$", text, re.MULTILINE)}
    assert declared == {name: value for name, value in vars(layers).items() if name.isupper()}


def test_numbers_are_distinct():
    """One number, one header."""
    values = [value for name, value in vars(layers).items() if name.isupper()]
    assert len(set(values)) == len(values)
