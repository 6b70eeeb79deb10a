"""The work behind ``pcapaudit rfc``."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT

from pcapaudit.api.options import EngineOptions
from pcapaudit.cli.rfc import RfcOptions
from pcapaudit.cli.standards import run_standards
from pcapaudit.core.errors import ConfigError

CAPTURES = ROOT / "captures"


def options(**more):
    """What the command would hand on."""
    given = {"standard": ("4787",), "only": (), "fail_on": "must", "form": "json", "quiet": False, "progress": False, "color": "never"}
    return RfcOptions(**{**given, **more})


def test_flows_cut_by_a_timer_are_evidence(capsys):
    """The capture holds two that went on after their entries had gone."""
    assert run_standards([str(CAPTURES / "idle-udp.pcap")], EngineOptions(seed=1), options())
    (standard,) = json.loads(capsys.readouterr().out)["standards"]
    (found,) = (each for each in standard["requirements"] if each["id"] == "REQ-5")
    assert found["on_packets_of_the_capture"]
    assert "after its entry had timed out" in found["evidence"][0]["text"]


def test_long_timers_cut_nothing(capsys):
    """And nothing that MUST be is violated."""
    engine = EngineOptions(seed=1, timeout=("udp.unreplied=5m", "udp.stream=5m"))
    assert not run_standards([str(CAPTURES / "idle-udp.pcap")], engine, options(quiet=True))
    assert capsys.readouterr().out == ""


def test_bad_settings_end_it():
    """Before anything is read."""
    with pytest.raises(ConfigError, match="--profile nothing"):
        run_standards(["no-such.pcap"], EngineOptions(profile="nothing"), options())
