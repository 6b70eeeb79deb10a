"""The C constants of layout.pxd are those of layout.py, and no two parts of a row overlap."""

import re
from pathlib import Path

from pcapaudit.conntrack import layout

#: The words of TCP's two sides, which other protocols use their own way.
IN_PLACE_OF_TCP = ("W_SIDE", "W_SCTP_TAGS", "W_SCTP_NOTES", "W_DCCP_NOTES", "W_NAT_NOTES", "W_NAT_CAUSE")


def test_pxd_equals_py():
    """Every name stands in both files with the same value."""
    pxd = Path(layout.__file__).with_suffix(".pxd")
    declared = {name: int(value, 0) for name, value in re.findall(r"^    (\w+) = (\S+)$", pxd.read_text(), re.M)}
    assert declared == {name: value for name, value in vars(layout).items() if name.isupper()}


def test_words_do_not_overlap():
    """64-bit parts take two words; both sides of TCP lie before what follows them."""
    words = [word for name, value in vars(layout).items() if name.startswith("W_") and name not in IN_PLACE_OF_TCP for word in (value,)]
    words += [
        word
        for name in ("Q_SRC_HI", "Q_SRC_LO", "Q_DST_HI", "Q_DST_LO", "Q_EXPIRES")
        for word in (2 * getattr(layout, name), 2 * getattr(layout, name) + 1)
    ]
    words += range(layout.W_SIDE, layout.W_SIDE + 2 * layout.SIDE_WORDS)
    assert sorted(words) == sorted(set(words))
    assert max(words) < layout.ROW_WORDS
    assert layout.ROW_WORDS == 2 * layout.ROW_QUADS


def test_words_in_place_of_tcp():
    """What SCTP and DCCP keep lies within the words of TCP's sides."""
    sides = range(layout.W_SIDE, layout.W_SIDE + 2 * layout.SIDE_WORDS)
    sctp = [layout.W_SCTP_TAGS, layout.W_SCTP_TAGS + 1, layout.W_SCTP_NOTES]
    dccp = [2 * layout.Q_DCCP_RESPONSE, 2 * layout.Q_DCCP_RESPONSE + 1, layout.W_DCCP_NOTES]
    for words in (sctp, dccp):
        assert sorted(set(words) & set(sides)) == sorted(words)
