"""Detectors are called for what concerns them, and find the same as if they were called for everything."""

from __future__ import annotations

import pytest
from checkout import ROOT
from packets import packets
from sample_run import context, flows

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.core import consts
from pcapaudit.findings.crew import CHANNELS, Crew
from pcapaudit.findings.marks import NAMES
from pcapaudit.findings.registry import DETECTORS, make_detectors
from pcapaudit.findings.scene import Scene
from pcapaudit.replay.run import run

CAPTURES = sorted(path.name for path in (ROOT / "captures").iterdir() if path.suffix in {".pcap", ".pcapng"})


class Listener:
    """Writes down when it was called."""

    code = "listener"

    def __init__(self, reads=()):
        self.reads = reads
        self.calls = []

    def on_batch(self, batch, _):
        self.calls.append(batch.first_frame)

    def on_flows(self, _):
        self.calls.append("flows")

    def on_end(self):
        self.calls.append("end")

    def violations(self):
        return [self.code]


def test_only_what_concerns_it():
    """A detector of flows sees no batch, one of FINs no SYN; control channels are listened to from the first on."""
    scene = Scene(context())
    nothing, fins, channels = Listener(), Listener(("fins", "late")), Listener((CHANNELS,))
    crew = Crew(scene, [nothing, fins, channels])
    fin = {"tcp_flags": consts.TCP_FIN | consts.TCP_ACK, "tcp_state": consts.TCPS_FIN_WAIT}
    control = {"dport": 21, "payload": b"PORT 192,168,10,20,8,9\r\n", "flow": 3, "direction": consts.DIR_ORIGINAL}
    crew.on_batch(*packets({}, {}, first_frame=1))
    crew.on_batch(*packets({}, fin, first_frame=3))
    crew.on_batch(*packets(control, first_frame=5))
    scene.channels.heard(scene.view(*packets(control, first_frame=6)))
    crew.on_batch(*packets({}, first_frame=7))
    crew.on_flows(flows())
    crew.on_end()
    assert nothing.calls == ["flows", "end"]
    assert fins.calls == [3, "flows", "end"]
    assert channels.calls == [5, 7, "flows", "end"]
    assert list(crew) == [nothing, fins, channels]
    assert crew.violations() == ["listener"] * 3


def test_lists_have_names():
    """What a detector reads exists."""
    assert {name for each in DETECTORS for name in each.reads} <= {*NAMES, CHANNELS}


@pytest.mark.parametrize("name", CAPTURES)
def test_same_as_with_every_batch(name):
    """On the captures of the repository."""
    assert found(name, whole=False) == found(name, whole=True)


def found(name, *, whole):
    """The findings; ``whole``: every detector is shown every batch."""
    with open_session([str(ROOT / "captures" / name)], EngineOptions(seed=1)) as opened:
        crew = make_detectors(opened)
        run(opened, list(crew) if whole else [crew], seed=1)
        return crew.violations()
