"""The table of link types."""

from __future__ import annotations

from pcapaudit.wire import layers
from pcapaudit.wire.linktypes import LINKTYPES, first_layers, linktype_name


def test_first_layers_follows_the_table():
    """One byte a number; what the table lacks is unknown."""
    table = first_layers()
    assert len(table) == 512
    assert table[1] == layers.LAYER_ETHERNET
    assert table[511] == layers.LAYER_UNKNOWN
    assert all(table[number] == layer for number, (_, layer) in LINKTYPES.items())


def test_linktype_name_of_a_known_and_an_unknown_number():
    """A number stands for itself."""
    assert linktype_name(276) == "LINUX_SLL2"
    assert linktype_name(4711) == "4711"
