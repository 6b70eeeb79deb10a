"""The column tables, the attributes and the .pxd name the same things."""

import re
from pathlib import Path

import numpy as np
import pytest

from pcapaudit.core import columns, consts

PXD = Path(consts.__file__).with_name("columns.pxd").read_text()
C_TYPES = {"i8": "long long", "u8": "unsigned long long", "u4": "unsigned int", "u2": "unsigned short", "u1": "unsigned char"}


@pytest.mark.parametrize(("cls", "table"), [(columns.PacketBatch, columns.PACKET_COLUMNS), (columns.VerdictBatch, columns.VERDICT_COLUMNS)])
def test_pxd_declares_each_column(cls, table):
    """Order, name and C type of every column."""
    body = PXD.split(f"cdef class {cls.__name__}:")[1].split("cdef class")[0]
    declared = [(name, kind) for kind, name in re.findall(r"cdef ([a-z ]+)\[::1\] (\w+)", body) if name != "data"]
    assert declared == [(name, C_TYPES[dtype]) for name, dtype, _, _ in table]


def test_batch_arrays_have_a_scratch_row():
    """Every column has one row more than a full batch."""
    batch = columns.PacketBatch()
    assert {len(array) for array in batch.arrays.values()} == {consts.BATCH_FRAMES + 1}


def test_resize_keeps_the_bytes():
    """A frame longer than the buffer makes room without losing what was read."""
    batch = columns.PacketBatch()
    batch.buffer[:3] = (1, 2, 3)
    batch.data_len = 3
    batch.resize(consts.BUFFER_BYTES * 2)
    assert list(batch.buffer[:4]) == [1, 2, 3, 0]
    assert len(batch.buffer) == 2 * consts.BUFFER_BYTES + consts.SCRATCH_BYTES


def test_flow_dtype_is_aligned():
    """Whole words are written into flow rows: each field stands at a multiple of its size, and little is lost by that."""
    dtype = columns.FLOW_DTYPE
    assert dtype.isalignedstruct
    assert dtype.itemsize - sum(np.dtype(dtype[name]).itemsize for name in dtype.names) < 32
