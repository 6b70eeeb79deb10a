"""What tshark says of a frame, and what is said without it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from checkout import ROOT

from pcapaudit.cli import dissecting
from pcapaudit.cli.dissecting import ABSENT, dissect

WEB = str(ROOT / "captures" / "web.pcap")
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@needs_tshark
def test_layers_of_a_frame():
    """One title a layer, the fields below."""
    found = dissect(WEB, 5)
    assert found.problem == ""
    assert [title.split(",")[0] for title, _ in found.layers] == [
        "Frame 5: 66 bytes on wire (528 bits)",
        "Ethernet II",
        "Internet Protocol Version 4",
        "Transmission Control Protocol",
    ]
    assert any("Time to Live" in line for line in found.layers[2][1])


@needs_tshark
def test_hex_dump_is_no_layer():
    """Its lines stand at the margin, too."""
    titles = [title for title, _ in dissect(str(ROOT / "captures" / "idle-tcp.pcap"), 19).layers]
    assert titles[-1] == "Data (13 bytes)"


def test_without_tshark(monkeypatch):
    """A message, and how to get it."""
    monkeypatch.setattr(dissecting.shutil, "which", lambda _: None)
    assert dissect(WEB, 1) == dissecting.Dissection((), ABSENT)


def test_standard_input():
    """It was read already."""
    assert dissect("-", 1).layers == ()


@pytest.mark.parametrize(("complaint", "said"), [(b"tshark: no.\n", "tshark cannot read it: tshark: no."), (b"", "it printed nothing")])
def test_what_tshark_cannot_read(monkeypatch, complaint, said):
    """Its last word is passed on."""
    monkeypatch.setattr(dissecting.shutil, "which", lambda _: "tshark")
    monkeypatch.setattr(dissecting.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), 2, b"", complaint))
    assert said in dissect(WEB, 1).problem


def test_patience_ends(monkeypatch):
    """A hang is no hang here."""

    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(dissecting.shutil, "which", lambda _: "tshark")
    monkeypatch.setattr(dissecting.subprocess, "run", hang)
    assert "tshark took more than" in dissect(WEB, 1).problem
