"""The sandbox: what it does to a ruleset, that it leaves nothing behind, and what it says where it cannot be made."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from machine import why_not
from scenes import tcp, udp

from pcapaudit.core import consts
from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel import sandbox
from pcapaudit.kernel.observe import Tuple
from pcapaudit.kernel.sandbox import Plan, Sandbox, check_machine, moved_rules

LISTED = """table inet t {
\tchain here {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established accept
\t}
\tchain own {
\t\ttype filter hook input priority filter; policy drop;
\t}
\tchain raw {
\t\ttype filter hook prerouting priority raw; policy accept;
\t}
\tchain nat {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t}
}
"""
REASON = why_not()
needs_kernel = pytest.mark.skipif(bool(REASON), reason=REASON or "works")


def traces():
    """What of the host's network a sandbox could change."""
    commands = (["ip", "link"], ["ip", "netns"], ["ip", "rule"], ["nft", "list", "ruleset"])
    return Path("/proc/self/ns/net").readlink(), *(subprocess.run(each, capture_output=True, check=True).stdout for each in commands)


def test_forward_chains_are_moved_and_others_left_out():
    """Prerouting stays; input has other chains now; nat would change what the capture shows."""
    text, notes = moved_rules(LISTED, "forward")
    assert text.count("hook input") == 1
    assert "hook prerouting priority raw" in text
    assert [note.split()[1] for note in notes] == ["own", "nat"]


def test_input_chains_can_be_chosen():
    """Then those of forward are left out."""
    text, notes = moved_rules(LISTED, "input")
    assert "hook forward" not in text
    assert [note.split()[1] for note in notes] == ["here", "nat"]


def test_rules_that_ask_for_the_way_out_need_hook_forward():
    """At input no packet has an outgoing interface."""
    assert Plan(("a",), 'iifname "a" accept', "forward").hook == "input"
    assert Plan(("a",), 'oifname "a" accept', "forward").hook == "forward"


def test_machine_without_root_says_what_is_needed(monkeypatch):
    """One sentence, with the next step."""
    monkeypatch.setattr(sandbox, "_may", lambda capability: False)
    with pytest.raises(ConfigError, match="needs root"):
        check_machine()


def test_machine_without_nft_names_the_package(monkeypatch, tmp_path):
    """Likewise the TUN device."""
    monkeypatch.setattr(sandbox, "_may", lambda capability: True)
    monkeypatch.setattr(sandbox, "_TUN", tmp_path)
    monkeypatch.setattr(sandbox.shutil, "which", lambda program: None if program == "nft" else program)
    with pytest.raises(ConfigError, match="install the package nftables"):
        check_machine()
    monkeypatch.setattr(sandbox, "_TUN", tmp_path / "tun")
    with pytest.raises(ConfigError, match="modprobe tun"):
        check_machine()


@needs_kernel
def test_packets_are_judged_and_nothing_is_left():
    """A handshake begins, a stray datagram is dropped, and the host is as before, also while it runs."""
    before = traces()
    rules = "table inet t { chain c { type filter hook forward priority 0; policy drop; ip protocol tcp accept\n}\n}"
    asked = Tuple(4, consts.PROTO_TCP, socket.inet_aton("10.0.0.1"), socket.inet_aton("198.51.100.7"), 1000, 80)
    with Sandbox(Plan(("inside", "outside"), rules, "forward")) as made:
        assert traces() == before
        made.inject(0, tcp("10.0.0.1:1000", "198.51.100.7:80", "S", win=1))
        bad = made.observe(asked)
        made.inject(0, b"")
        nothing = made.observe(None)
        made.inject(1, udp("198.51.100.7:53", "10.0.0.1:1000"))
        dropped = made.observe(None)
    assert bad.points[:2] == "PC"
    assert nothing.points == ""
    assert "A" not in dropped.points
    assert traces() == before


@needs_kernel
def test_ruleset_that_nft_refuses_is_told_and_nothing_is_left():
    """With nft's own words."""
    before = traces()
    with pytest.raises(ConfigError, match="nft says"), Sandbox(Plan(("inside",), "table inet t { nonsense }", "forward")):
        pass
    assert traces() == before
