"""rules trace: a packet's way through a ruleset."""

from __future__ import annotations

import json

import pytest
from interpreter import pcapaudit_command

RULES = """table inet t { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" tcp dport 443 accept
    tcp dport 22 reject
    meta skuid 0 tcp dport 23 accept } }
"""


@pytest.fixture
def fw(tmp_path, monkeypatch):
    """A ruleset in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fw.nft").write_text(RULES)
    return "fw.nft"


def run(fw, packet, *more):
    """The command."""
    return pcapaudit_command("rules", "trace", fw, "--packet", packet, *more)


def test_phases(fw):
    """The rule that decided, with its place."""
    done = run(fw, "in lan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn")
    assert done.returncode == 0
    assert " 4 RESULT      ALLOW " in done.stdout
    assert "config  fw.nft:3  " in done.stdout


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        ("in lan tcp 10.0.0.5:4000 > 192.0.2.1:443 syn", "accept"),
        ("in wan tcp 192.0.2.1:4000 > 10.0.0.5:443 syn", "drop"),
        ("in wan tcp 192.0.2.1:4000 > 10.0.0.5:22 syn", "reject"),
        ("in wan tcp 192.0.2.1:4000 > 10.0.0.5:443 ack ct established", "accept"),
        ("in lan tcp 10.0.0.5:1 > 192.0.2.1:443; in wan tcp 192.0.2.1:443 > 10.0.0.5:1 syn,ack", "accept"),
    ],
)
def test_expectation(fw, packet, verdict):
    """0 for the verdict of the last packet, 1 for any other."""
    codes = {each: run(fw, packet, "--expect", each).returncode for each in ("accept", "drop", "reject")}
    assert codes == {each: int(each != verdict) for each in codes}


def test_undecided_is_not_as_expected(fw):
    """Whatever the verdict."""
    assert run(fw, "tcp 10.0.0.5:4000 > 192.0.2.1:23 syn", "--expect", "drop").returncode == 1


def test_json(fw):
    """One document, a trace a packet, with the text that asked for it."""
    done = run(fw, "in lan udp 10.0.0.5:1 > 192.0.2.1:53; in lan udp 10.0.0.5:1 > 192.0.2.1:53", "--format", "json")
    traces = json.loads(done.stdout)["traces"]
    assert [each["packet"]["asked"] for each in traces] == ["in lan udp 10.0.0.5:1 > 192.0.2.1:53"] * 2
    assert [each["verdict"]["verdict"] for each in traces] == ["drop", "drop"]


def test_zones_of_the_options(fw):
    """They place the packet, and name its interface."""
    done = run(fw, "tcp 10.0.0.5:4000 > 192.0.2.1:443 syn", "--zone", "office=lan:10.0.0.0/8", "--zone", "net=wan:any")
    assert "forward: in lan, out wan" in done.stdout
    assert " RESULT      ALLOW" in done.stdout


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        ("nonsense", "    nonsense\n    ^^^^^^^^"),
        ("", "an empty text"),
        ("in lan tcp 10.0.0.5 > 192.0.2.1:443", "ports are missing"),
    ],
)
def test_packet_that_cannot_be_read(fw, packet, said):
    """Exit code 2, with the place."""
    done = run(fw, packet)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_ruleset_that_cannot_be_read(fw):
    """As everywhere."""
    assert run("none.nft", "udp 10.0.0.5:1 > 192.0.2.1:53").returncode == 2
