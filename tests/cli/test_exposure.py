"""``pcapaudit exposure`` from outside."""

from __future__ import annotations

import json

from checkout import ROOT
from interpreter import pcapaudit_command

FORGED = str(ROOT / "captures" / "dns-forged.pcap")


def test_forged_answers_pass_every_stateless_filter():
    """Two answers that nobody waits for, from port 53; the one that was asked for passes all."""
    done = pcapaudit_command("exposure", FORGED, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads(done.stdout)
    assert [each["from_outside"] for each in record["filters"]] == [3, 3, 1]
    assert [each["source_ports"] for each in record["let_in_without_state"]] == [[53], [53]]
    assert record["rules"] == "rulesets/default.nft"


def test_report_is_the_same_each_time():
    """Whatever the seed."""
    one, other = (pcapaudit_command("exposure", FORGED, "--seed", seed) for seed in "12")
    assert one.stdout == other.stdout
    assert "State kept out 2 packets" in one.stdout


def test_file_that_is_not_there():
    """A line, exit code 2."""
    done = pcapaudit_command("exposure", "no-such.pcap")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such.pcap" in done.stderr


def test_page_on_stdout():
    """One HTML file."""
    done = pcapaudit_command("exposure", FORGED, "--format", "html")
    assert done.returncode == 0
    assert done.stdout.startswith("<!doctype html>")
