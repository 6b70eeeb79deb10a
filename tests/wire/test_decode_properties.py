"""Properties of decoding: any bytes decode, offsets stay within the frame, a cut frame says less and never something else.

Compiled and uncompiled, the columns are the same.
"""

from __future__ import annotations

import hashlib
import json
import os

import pytest
import wire_digest
from capture_frames import CAPTURES, read_frames
from checkout import TESTS
from hypothesis import given, settings
from hypothesis import strategies as st
from interpreter import python
from wire_rows import WIRE_COLUMNS, decode, decode_one, named

from pcapaudit.core.columns import PacketBatch
from pcapaudit.wire import decode as decode_module
from pcapaudit.wire.decode import Decoder
from pcapaudit.wire.linktypes import LINKTYPES
from pcapaudit.wire.quote import Quote, read_quote

SEEDS = wire_digest.seeds()


def check_offsets(row, caplen):
    """Every offset lies within the captured frame, in order."""
    assert row.end_off <= caplen
    if row.l3:
        assert row.l3_off < row.end_off
    if row.l4_off:
        assert row.l3_off < row.l4_off <= row.end_off
    if row.payload_off:
        assert row.l4_off <= row.payload_off <= row.end_off


@st.composite
def mangled(draw):
    """A frame of a capture with some bytes changed, or any bytes, of any link type."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200)), draw(st.sampled_from(sorted(LINKTYPES)))
    seed = draw(st.sampled_from(SEEDS))
    data = bytearray(seed.data[: draw(st.integers(0, 400))])
    for _ in range(draw(st.integers(0, 4))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data), seed.linktype


@settings(max_examples=300, deadline=None)
@given(mangled(), st.integers(0, 70_000), st.sampled_from(["auto", "verify", "ignore"]))
def test_any_bytes_decode(frame, origlen, mode):
    """Never an exception, offsets in order, and a row that was dirty is the same as a clean one."""
    data, linktype = frame
    row = decode_one(data, linktype=linktype, origlen=origlen, checksum=mode)
    check_offsets(row, len(data))
    batch = PacketBatch()
    batch.buffer[: len(data)] = bytearray(data)
    batch.arrays["caplen"][0], batch.arrays["origlen"][0], batch.arrays["linktype"][0] = len(data), origlen, linktype
    Decoder(batch, mode).decode_row(0)
    assert named(batch, 0) == row


@settings(max_examples=200, deadline=None)
@given(mangled())
def test_any_quote_is_read(frame):
    """Whatever an ICMP error quotes gives a tuple or a reason."""
    data, linktype = frame
    batch = decode([data], linktype=linktype)
    assert 0 <= read_quote(batch, 0, Quote()) < 256


#: A cut can take these away: they hold lengths and ends of what is captured, or need the whole packet.
FOLLOWS_CAPLEN = {"end_off", "l4_off", "payload_off", "l4_csum", "ip_csum", "tcp_opts"}


@pytest.mark.parametrize("frame", SEEDS[:: max(1, len(SEEDS) // 40)], ids=lambda frame: hashlib.sha256(frame.data).hexdigest()[:8])
def test_cut_frame_says_less(frame):
    """A frame cut at any byte: a column is as before, or empty and the row has an anomaly."""
    whole = decode_one(frame.data, linktype=frame.linktype, origlen=frame.origlen)
    for size in range(min(len(frame.data), 200)):
        row = decode_one(frame.data[:size], linktype=frame.linktype, origlen=frame.origlen)
        check_offsets(row, size)
        known = [name for name in WIRE_COLUMNS if name not in FOLLOWS_CAPLEN]
        differing = {name: (getattr(row, name), getattr(whole, name)) for name in known if getattr(row, name) != getattr(whole, name)}
        assert not differing or row.anomalies, size
        filled = {name: pair for name, pair in differing.items() if pair[0] not in (0, 0xFFFF)}
        # Outer headers are still there; a header that does not say its length has its least one; without SACK blocks, the acknowledgement.
        assert filled.keys() <= {"payload_len", "sack_max", "proto", "l3_off", "ethertype"}, (size, filled)


def test_rows_do_not_depend_on_their_neighbours():
    """Frame by frame or all at once."""
    for path in CAPTURES[::7]:
        frames = read_frames(path)
        batch = decode([each.data for each in frames], linktype=frames[0].linktype, origlens=[each.origlen for each in frames])
        for number in range(0, len(frames), 9):
            each = frames[number]
            assert named(batch, number) == decode_one(each.data, linktype=each.linktype, origlen=each.origlen)


@pytest.mark.skipif(decode_module.__file__.endswith(".py"), reason="build: nothing is compiled here that could differ")
def test_compiled_columns_equal_uncompiled():
    """Every wire column of every capture, and of damaged frames taken for each link type."""
    support = str(TESTS / "support")
    uncompiled = python(
        f"{support}/wire_digest.py", PCAPAUDIT_BUILD="pure", PYTHONPATH=os.pathsep.join([support, os.environ["PYTHONPATH"]])
    )
    assert uncompiled.returncode == 0, uncompiled.stderr
    assert json.loads(uncompiled.stdout) == wire_digest.digests()
