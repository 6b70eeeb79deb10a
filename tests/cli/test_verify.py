"""``pcapaudit verify`` as a command: its exit codes, what it says without root, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from checkout import ROOT
from click.testing import CliRunner
from machine import why_not

from pcapaudit.cli.main import cli

REASON = why_not()
needs_kernel = pytest.mark.skipif(bool(REASON), reason=REASON or "works")
CAPTURES = ROOT / "captures"
EQUAL = ("office.pcapng", "dns.pcap", "ping.pcap", "icmp-errors.pcap", "fragments.pcap", "ftp-active.pcap", "sctp.pcap", "udplite.pcap")


def verify(*arguments):
    """Run the command."""
    return CliRunner().invoke(cli, ["verify", *map(str, arguments)], standalone_mode=False)


def process(*arguments, before=()):
    """The command as a process."""
    command = [*before, sys.executable, "-m", "pcapaudit", "verify", *map(str, arguments)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def links():
    """Devices and namespaces of the host."""
    return [subprocess.run(each, capture_output=True, check=True).stdout for each in (["ip", "link"], ["ip", "netns"])]


@needs_kernel
@pytest.mark.parametrize("path", [*(CAPTURES / name for name in EQUAL), *sorted(CAPTURES.glob("tcp-*.pcap"))], ids=lambda path: path.name)
def test_capture_has_no_difference(path):
    """Every field of every packet that the kernel took."""
    done = verify(path, "--format", "json")
    report = json.loads(done.stdout)
    assert report["differences"] == []
    assert report["compared"] > 0
    assert not done.return_value


@needs_kernel
def test_rules_with_a_way_out_are_compared_at_forward(tmp_path):
    """Two zones, and a rule for one direction between them."""
    rules = tmp_path / "rules.nft"
    rules.write_text(
        "table inet t {\n chain c {\n type filter hook forward priority 0; policy drop;\n"
        ' ct state established,related accept\n iifname "lan" oifname "wan" accept\n }\n}\n',
        encoding="utf-8",
    )
    zones = ("--zone", "lan=lan:192.168.10.0/24,fd00:10::/64", "--zone", "wan=wan:any")
    done = verify(CAPTURES / "web.pcap", "--rules", rules, *zones, "--format", "json")
    report = json.loads(done.stdout)
    assert (report["compared"], report["different"], report["not_compared"]) == (30, 0, {"no-ip": 2})


@needs_kernel
def test_error_about_a_packet_that_was_not_routed_is_not_compared(tmp_path):
    """iptables rules at forward: the kernel sends packets with TTL 1 nowhere, and knows nothing of what the answers to them quote."""
    rules = tmp_path / "rules"
    rules.write_text(
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -i inside -o outside -j ACCEPT\nCOMMIT\n",
        encoding="utf-8",
    )
    report = json.loads(verify(CAPTURES / "office.pcapng", "--rules", rules, "--format", "json").stdout)
    assert report["different"] == 0
    assert report["not_compared"]["after"] == 1


@needs_kernel
def test_text_names_what_was_not_compared():
    """One line a reason."""
    text = verify(CAPTURES / "dns.pcap").stdout
    assert text.splitlines()[0].endswith("no difference")
    assert text.splitlines()[1] == "not compared: 2 no IP packet"


@needs_kernel
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "kill"])
def test_interrupted_run_leaves_nothing(number):
    """A capture of days in real time: it is ended while it waits."""
    before = links()
    running = process(CAPTURES / "idle-tcp.pcap", "--realtime")
    time.sleep(4)
    assert running.poll() is None
    assert links() == before
    running.send_signal(number)
    _, complaint = running.communicate(timeout=20)
    assert running.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in complaint
    assert links() == before


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv to become nobody")
def test_without_root_it_says_what_to_do():
    """One line, exit code 2."""
    done = process(CAPTURES / "dns.pcap", before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"))
    output, complaint = done.communicate(timeout=30)
    if "Permission denied" in complaint or "No module named" in complaint:
        pytest.skip("build: nobody may not read this checkout or its Python")
    assert (done.returncode, output) == (2, "")
    assert complaint.startswith("pcapaudit: verify needs root")
