"""Captures made to flood detectors keep memory and findings bounded: small editions of ``benchmarks/floods.py``."""

from __future__ import annotations

import sys
import tracemalloc

import dpkt
import numpy as np
import pytest
from checkout import ROOT

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.findings.registry import make_detectors
from pcapaudit.replay import loop
from pcapaudit.replay.run import run

sys.path.append(str(ROOT / "benchmarks"))
import floods

#: What all detectors may keep of a flood, and how much more of one that is twice as long.
MOST_BYTES, GROWTH = 48 << 20, 1.25
PACKETS = {"fragments": 8_000}
CODES = {
    "sources": {"syn-flood"},
    "ports": {"udp-flood"},
    "from-inside": set(),
    "stun": set(),
    "dns": {"unsolicited-reply"},
    "fragments": set(),
    "late": {"packet-after-close"},
}


def flooded(name, packets, folder):
    """(bytes that findings keep at the end, findings)."""
    with open_session([str(floods.make(name, folder, packets))], EngineOptions(seed=1)) as opened:
        detectors = make_detectors(opened)
        tracemalloc.start()
        try:
            run(opened, [detectors], seed=1)
            kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/pcapaudit/findings/*")])
        finally:
            tracemalloc.stop()
        return sum(each.size for each in kept.statistics("filename")), detectors.violations()


@pytest.mark.skipif(loop.__file__.endswith(".py"), reason="build: so many packets take minutes uncompiled, to the same results")
@pytest.mark.parametrize("name", floods.FLOODS)
def test_flood_is_bounded(name, tmp_path):
    """Twice the flood is not twice the memory; a few findings, and the flood is one of them."""
    packets = PACKETS.get(name, 60_000)
    once, _ = flooded(name, packets, tmp_path)
    twice, found = flooded(name, 2 * packets, tmp_path)
    assert twice < MOST_BYTES
    assert twice < GROWTH * once + (1 << 20)
    assert len(found) <= 30
    assert CODES[name] <= {each.code for each in found}


@pytest.mark.parametrize("name", floods.FLOODS)
def test_frames_are_what_they_say(name):
    """IP and transport checksums are right, lengths fit: nothing is a flood of broken packets."""
    for frame in floods.FLOODS[name](np.arange(7, 19)):
        ip = dpkt.ethernet.Ethernet(frame.tobytes()).data
        tcp = isinstance(ip.data, dpkt.tcp.TCP)
        given = ip.sum, ip.data.sum if tcp else None
        ip.sum = 0
        if tcp:
            ip.data.sum = 0
        again = dpkt.ip.IP(bytes(ip))
        assert (again.sum, again.data.sum if tcp else None) == given
