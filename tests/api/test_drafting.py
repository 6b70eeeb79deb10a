"""First suites: they pass, whatever the capture."""

from __future__ import annotations

import pytest
from checkout import ROOT

import pcapaudit
from pcapaudit.api.drafting import MAX_GROUPS, draft
from pcapaudit.api.options import EngineOptions
from pcapaudit.api.suites import load_suites, run_suite

CAPTURES = [
    "office.pcapng",
    "icmp-errors.pcap",
    "gre.pcap",
    "ipv6.pcap",
    "vlan.pcap",
    "sctp.pcap",
    "tcp-flags.pcap",
    "udplite.pcap",
    "dns-forged.pcap",
]


@pytest.mark.parametrize("name", CAPTURES)
def test_draft_passes(tmp_path, name):
    """Read back and run."""
    capture = str(ROOT / "captures" / name)
    path = tmp_path / "x.audit.yaml"
    path.write_text(draft(pcapaudit.audit(capture, seed=1), [capture], EngineOptions(), path))
    suites, lines = load_suites(path)
    found = run_suite(suites[0], lines).outcomes
    assert [each for each in found if each.status != "passed"] == []
    assert 1 <= len(found) <= MAX_GROUPS + 10


def test_options_are_written_down(tmp_path):
    """So the suite is the same run; paths are relative to it."""
    engine = EngineOptions(
        rules=("rulesets/office.policy.toml",), timeout=("udp.stream=5m",), local=("10.0.0.0/8", "fd00::/8"), strict=True
    )
    text = draft(
        pcapaudit.audit(ROOT / "captures" / "dns.pcap"), ["captures/dns.pcap"], engine, ROOT.relative_to(ROOT) / "tests" / "x.audit.yaml"
    )
    assert 'capture: "../captures/dns.pcap"\nrules: "../rulesets/office.policy.toml"\n' in text
    assert 'local: [10.0.0.0/8, "fd00::/8"]' in text.replace("fd00::/8]", '"fd00::/8"]')
    assert "timeout: udp.stream=5m\n" in text
    assert "strict: true\n" in text
    assert "# baseline: x.baseline.txt\n" in text
