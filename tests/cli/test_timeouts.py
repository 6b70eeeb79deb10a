"""``pcapaudit timeouts`` from outside."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command

IDLE = str(ROOT / "captures" / "idle-udp.pcap")
WEB = str(ROOT / "captures" / "web.pcap")
NS = 1_000_000_000


def test_broken_connections_are_told_and_proven():
    """A server that answers after 31 s, and one that calls after 150; timers of a second more keep both, as a replay shows."""
    done = pcapaudit_command("timeouts", IDLE, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    record = json.loads(done.stdout)
    timers = {each["timer"]: each for each in record["timers"]}
    assert {name: (each["broken"], each["needed_ns"] // NS) for name, each in timers.items()} == {
        "udp.unreplied": (1, 32),
        "udp.stream": (1, 151),
    }
    assert record["as_set"]["cut"] == 2
    assert record["with_recommended"] == {"cut": 0, "refused": 0}


def test_longer_time_outs_break_nothing():
    """Exit code 0, and no second replay."""
    done = pcapaudit_command("timeouts", IDLE, "--timeout", "udp.unreplied=32", "--timeout", "udp.stream=151")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Breaks nothing" in done.stdout
    assert "longer time-outs" not in done.stdout
    assert pcapaudit_command("timeouts", WEB).returncode == 0


def test_grid_is_what_is_looked_at():
    """Beside what is set, and what is needed."""
    done = pcapaudit_command("timeouts", IDLE, "--grid", "udp.stream=50,10m", "--format", "json")
    stream = next(each for each in json.loads(done.stdout)["timers"] if each["timer"] == "udp.stream")
    assert [point["timeout_ns"] // NS for point in stream["points"]] == [50, 120, 151, 600]
    assert [point["broken"] for point in stream["points"]] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-",), "timeouts reads the capture more than once"),
        ((IDLE, "--grid", "udp=3"), "--grid udp=3: expected one of tcp.established"),
        ((IDLE, "--grid", "udp.stream"), "expected NAME=TIME,TIME..."),
        ((IDLE, "--grid", "udp.stream=x"), "expected a duration such as 90"),
        (("no-such.pcap",), "no-such.pcap"),
    ],
)
def test_nonsense_is_explained(words, complaint):
    """In a line, with exit code 2."""
    done = pcapaudit_command("timeouts", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
