"""The C constants of consts.pxd are those of consts.py."""

import re
from pathlib import Path

from pcapaudit.core import consts

PXD = Path(consts.__file__).with_suffix(".pxd")


def test_pxd_equals_py():
    """Every name stands in both files with the same value."""
    declared = {name: int(value, 0) for name, value in re.findall(r"^    (\w+) = (\S+)$", PXD.read_text(), re.M)}
    assert declared == {name: value for name, value in vars(consts).items() if name.isupper()}
