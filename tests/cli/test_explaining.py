"""The explain command at work."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command

from pcapaudit.cli import explaining

CAPTURES = ROOT / "captures"
IDLE = str(CAPTURES / "idle-tcp.pcap")
PLAIN = ("--dissection", "none")


def explained(*arguments):
    """The record that is printed."""
    done = pcapaudit_command("explain", *arguments, *PLAIN, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_packet_after_a_time_out():
    """What ended before it, what is found about it, and that a longer timer would keep it."""
    found = explained(IDLE, "19")
    ended = found["timed_out_before"]
    assert (ended["state"], ended["pause_ns"] // 10**9, ended["late_ns"] // 10**9) == ("established", 518399, 86399)
    assert [each["code"] for each in found["findings"]] == ["flow-cut-by-timeout"]
    altering = {each["how"]: each["verdict"] for each in found["changes"] if each["alters"]}
    assert altering["--timeout tcp.established=518400"] == "accept"


def test_outcomes_are_those_of_the_audit(tmp_path):
    """A change that is claimed to alter the verdict does so when it is made by the option."""
    found = explained(IDLE, "19")
    for change in found["changes"]:
        if change["how"].startswith("--"):
            pcapaudit_command("audit", "-q", IDLE, "-o", str(tmp_path), *change["how"].split(), "--format", "jsonl")
            rows = (tmp_path / "verdicts.jsonl").read_text().splitlines()
            row = next(row for row in map(json.loads, rows) if row["frame"] == 19)
            assert (row["verdict"], row["ct_state"]) == (change["verdict"], change["ct_state"]), change["how"]


def test_text_holds_all_parts():
    """In the order in which a person asks."""
    text = pcapaudit_command("explain", str(CAPTURES / "tcp-window.pcap"), "48", *PLAIN).stdout
    parts = ["Frame 48 ", " 2 CONNTRACK   INVALID", " 4 RESULT      DROP", "Findings", "What one change would do", "tcp_be_liberal = 1"]
    assert sorted(parts, key=text.index) == parts


def test_same_bytes_each_time():
    """Whatever the key of the table."""
    runs = {pcapaudit_command("explain", IDLE, "19", "--seed", seed, *PLAIN).stdout for seed in ("1", "2")}
    assert len(runs) == 1


def test_frame_that_there_is_not():
    """How many there are."""
    done = pcapaudit_command("explain", IDLE, "99", *PLAIN)
    assert (done.returncode, done.stdout) == (2, "")
    assert "it has 41 frames; there is no frame 99" in done.stderr


def test_standard_input_is_read_once():
    """No dissection, no changes; the rest is there."""
    command = [sys.executable, "-m", "pcapaudit", "explain", "-", "19"]
    with (CAPTURES / "idle-tcp.pcap").open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "RESULT      DROP" in done.stdout
    assert "not tried: standard input cannot be read twice" in done.stdout


@pytest.mark.parametrize("flow", ["1", "192.168.10.20:60078 > 198.51.100.10:7600/tcp", "198.51.100.10:7600 <> 192.168.10.20:60078"])
def test_flow(flow):
    """By number one connection; by endpoints all of them."""
    found = explained("--flow", flow, IDLE)
    assert len(found["flows"]) == (1 if flow == "1" else 3)
    assert found["packets"] == len(found["rungs"])


def test_long_flow_is_elided():
    """Unless all of it is wanted."""
    path = str(CAPTURES / "tcp-window.pcap")
    assert f"{55 - explaining.SHOWN_PACKETS} packets not shown (--all)" in pcapaudit_command("explain", "--flow", "1", path).stdout
    assert "not shown" not in pcapaudit_command("explain", "--flow", "1", path, "--all").stdout


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("99", "its flows are numbered from 1 to 3"),
        ("10.9.9.9 > *", "no packet of"),
        ("nonsense", "expected SOURCE > DESTINATION"),
        ("* > *:443", "no packet of"),
    ],
)
def test_flow_that_there_is_not(flow, said):
    """What was expected."""
    done = pcapaudit_command("explain", "--flow", flow, IDLE)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_flow_of_several_endpoints():
    """Some of them are named."""
    done = pcapaudit_command("explain", "--flow", "* > *:443/tcp", str(CAPTURES / "office.pcapng"))
    assert done.returncode == 2
    assert "203.0.113.66:61658 > 192.168.10.20:443/tcp" in done.stderr
