"""The parts of ``timeouts`` that need no process of their own; ``test_timeouts.py`` sees the rest."""

from __future__ import annotations

from checkout import ROOT
from engine_defaults import engine_defaults

from pcapaudit.cli.timeouts import TimeoutOptions
from pcapaudit.cli.timing import _current, _grid, run_timeouts
from pcapaudit.conntrack.config import ConntrackConfig

OPTIONS = TimeoutOptions(grid=(), form="text", quiet=True, progress=False, color="never")
NS = 1_000_000_000


def test_grid_may_be_given_in_parts():
    """Durations as everywhere."""
    assert _grid(["udp.stream=60,5m", "udp.stream=1h", "icmp=1"]) == {"udp.stream": [60 * NS, 300 * NS, 3600 * NS], "icmp": [NS]}


def test_what_is_set_is_linux_or_an_option():
    """In nanoseconds, by name."""
    current = _current(ConntrackConfig().with_timeout("udp.stream", "45"))
    assert (current["udp.stream"], current["udp.unreplied"]) == (45 * NS, 30 * NS)


def test_report_goes_to_stdout(capsys):
    """And the answer says whether something breaks."""
    capture = str(ROOT / "captures" / "idle-udp.pcap")
    assert run_timeouts([capture], engine_defaults(), OPTIONS)
    assert "▸ 2 min" in capsys.readouterr().out
    assert not run_timeouts([capture], engine_defaults("--timeout", "udp.stream=1h", "--timeout", "udp.unreplied=1h"), OPTIONS)
