"""The C constants of flow_layout.pxd are those of flow_layout.py, and no two parts of a row overlap."""

import re
from pathlib import Path

from pcapaudit.conntrack.layout import ROW_QUADS
from pcapaudit.replay import flow_layout


def test_pxd_equals_py():
    """Every name stands in both files with the same value."""
    pxd = Path(flow_layout.__file__).with_suffix(".pxd")
    declared = {name: int(value, 0) for name, value in re.findall(r"^    (\w+) = (\S+)$", pxd.read_text(), re.M)}
    assert declared == {name: value for name, value in vars(flow_layout).items() if name.isupper()}


def test_words_do_not_overlap():
    """Bytes and packets have two places, everything else one."""
    quads = [value for name, value in vars(flow_layout).items() if name.startswith("Q_")] + [flow_layout.Q_BYTES + 1]
    words = [value for name, value in vars(flow_layout).items() if name.startswith("W_")] + [flow_layout.W_PACKETS + 1]
    words += [word for quad in quads for word in (2 * quad, 2 * quad + 1)]
    assert sorted(words) == list(range(flow_layout.FLOW_WORDS))
    assert flow_layout.OUT_WHY == flow_layout.OUT_FLOW + flow_layout.FLOW_QUADS == ROW_QUADS + flow_layout.FLOW_QUADS
