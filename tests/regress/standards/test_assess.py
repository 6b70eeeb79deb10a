"""Requirements met, violated, not exercised, not applicable."""

from __future__ import annotations

import pytest
from scenes import icmp, tcp, udp
from standards_world import NAT, OUT, WITH, assessed

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.findings.violation import Severity, Violation
from pcapaudit.regress.standards.assess import Verdict
from pcapaudit.regress.standards.catalogue import STANDARDS, load_standard
from pcapaudit.regress.standards.tried import Basis
from pcapaudit.replay.topology import Topology

LAN, PEER = "10.0.0.9:4000", "198.51.100.7:53"
QUERY = udp(LAN, PEER)
EXCHANGE = [(0, QUERY), (0.1, udp(PEER, LAN)), (0.2, icmp("198.51.100.1", "10.0.0.9", 3, data=QUERY))]


def verdicts(found, verdict):
    """Names of the requirements with a verdict."""
    return {name for name, each in found.items() if each.verdict is verdict}


def test_every_requirement_has_a_verdict():
    """In the order of the standards; nothing is met or violated without evidence that says so."""
    found = assessed()
    assert list(found) == [f"{number} {each.id}" for number in STANDARDS for each in load_standard(number).requirements]
    for name, each in found.items():
        deciding = [piece.holds for piece in each.evidence if piece.holds is not None]
        assert bool(deciding) == (each.verdict in (Verdict.MET, Verdict.VIOLATED)), name
        assert (False in deciding) == (each.verdict is Verdict.VIOLATED), name
        assert bool(each.reason) == (not deciding), name


def test_linux_and_a_plain_ruleset():
    """What everybody's firewall comes to."""
    found = assessed()
    assert verdicts(found, Verdict.VIOLATED) & {f"4787 {each}" for each in ("REQ-5", "REQ-5c", "REQ-8", "REQ-12")} == {
        "4787 REQ-5",
        "4787 REQ-5c",
        "4787 REQ-8",
    }
    assert {"5382 REQ-5", "5382 REQ-2", "5382 REQ-2a", "5382 REQ-4", "5508 REQ-6", "6092 REC-32", "6092 REC-1"} <= verdicts(
        found, Verdict.MET
    )
    assert {"4787 REQ-1", "5382 REQ-8", "7857 7", "5508 REQ-9"} <= verdicts(found, Verdict.NOT_APPLICABLE)
    assert {"4787 REQ-13", "6092 REC-13", "5508 REQ-8"} <= verdicts(found, Verdict.NOT_EXERCISED)


def test_short_timer_says_where_it_comes_from_and_what_to_do():
    """In seconds, here and on the firewall."""
    config = ConntrackConfig().with_timeout("tcp.established", "1h")
    found = assessed(config=config, origins={"tcp.established": "--timeout tcp.established=1h"})["5382 REQ-5"]
    assert found.verdict is Verdict.VIOLATED
    assert found.evidence[0].text == "tcp.established 1 h (--timeout tcp.established=1h); asked for: 2 h 4 min"
    assert found.change == "--timeout tcp.established=7440; on the firewall net.netfilter.nf_conntrack_tcp_timeout_established=7440"


def test_many_timers_are_named_together():
    """One option for each; what has no sysctl is not named."""
    found = assessed()["5382 REQ-5a"]
    assert found.change.startswith("--timeout NAME=240 for each; on the firewall net.netfilter.nf_conntrack_tcp_timeout_{syn_sent,")
    assert "syn_sent2" not in found.change


def test_long_timers_meet():
    """As the profile rfc has them."""
    config = ConntrackConfig().with_timeout("udp.unreplied", "2m").with_timeout("icmp", "60")
    found = assessed(config=config)
    assert (found["4787 REQ-5"].verdict, found["5508 REQ-2"].verdict) == (Verdict.MET, Verdict.MET)


def test_flow_cut_in_the_capture_is_evidence():
    """A live flow cut sooner than the standard allows, with its frame; not one that the standard would have cut, too."""
    cut = Violation("flow-cut-by-timeout", Severity.MEDIUM, 1, 27, 30, 1, "It went on.", {"protocol": "udp", "timeout_seconds": 30.0})
    found = assessed(cuts=[cut])["4787 REQ-5"].evidence[0]
    assert (found.basis, found.holds, found.frame, found.text) == (Basis.CAPTURE, False, 27, "It went on.")
    late = Violation("flow-cut-by-timeout", Severity.MEDIUM, 1, 27, 30, 1, "x", {"protocol": "udp", "timeout_seconds": 400.0})
    assert all(each.basis is not Basis.CAPTURE for each in assessed(cuts=[late])["4787 REQ-5"].evidence)


def test_capture_exercises():
    """Connections are counted; errors that were let through are evidence for."""
    found = assessed(packets=EXCHANGE)
    assert ("1 udp connection over IPv4", 1) in {(each.text, each.frame) for each in found["4787 REQ-5"].evidence}
    evidence = found["4787 REQ-12a"].evidence[0]
    assert (evidence.basis, evidence.holds, evidence.text, evidence.frame) == (
        Basis.CAPTURE,
        True,
        "ICMP errors about udp connections: 1 accepted",
        3,
    )


def test_capture_violates():
    """Errors that the rules drop, and the frame of the first."""
    found = assessed(WITH("icmp type destination-unreachable drop"), EXCHANGE)["4787 REQ-12b"]
    assert (found.verdict, found.evidence[0].basis, found.evidence[0].frame) == (Verdict.VIOLATED, Basis.CAPTURE, 3)
    assert found.change == "ct state related accept"


def test_unasked_syn():
    """Silence is what is asked for."""
    scan = [(0, tcp(PEER, LAN, "S"))]
    assert assessed(packets=scan)["5382 REQ-4"].evidence[0].text == "unasked SYNs from outside: 1 dropped"
    refused = assessed(OUT.replace("accept } }", "accept\n    reject } }"), scan)["5382 REQ-4"]
    assert (refused.verdict, refused.evidence[0].basis) == (Verdict.VIOLATED, Basis.CAPTURE)


@pytest.mark.parametrize(
    ("line", "verdict", "text"),
    [
        ("drop", Verdict.VIOLATED, "packets from inside that the rules refuse: 1 dropped"),
        ("reject", Verdict.VIOLATED, "packets from inside that the rules refuse: 1 rejected, with another code by test.nft:2"),
        ("reject with icmpx admin-prohibited", Verdict.MET, "packets from inside that the rules refuse: 1 rejected"),
    ],
)
def test_refusals_are_answered(line, verdict, text):
    """RFC 5508 wants to see administratively prohibited."""
    found = assessed(WITH(f'iifname "lan" udp dport 53 {line}'), [(0, QUERY)])["5508 REQ-8"]
    assert (found.verdict, found.evidence[0].text) == (verdict, text)


def test_nat_is_looked_at():
    """By its statement, told apart from packets."""
    found = assessed(NAT)
    assert found["4787 REQ-1"].verdict is Verdict.VIOLATED
    assert found["4787 REQ-1"].evidence[0].basis is Basis.SETTING
    assert found["7857 3"].verdict is Verdict.MET
    assert (found["4787 REQ-2"].verdict, found["4787 REQ-2"].reason) == (
        Verdict.NOT_APPLICABLE,
        "masquerade test.nft:1: one address, no pool",
    )


def test_kernel_does_what_rules_leave_out():
    """Rules let it through; Linux never asks them. What was tried stands beside it."""
    found = assessed()["6092 REC-1"]
    assert found.verdict is Verdict.MET
    assert [(each.holds, each.basis) for each in found.evidence] == [(True, Basis.SETTING), (None, Basis.PROBE)]


def test_ruleset_of_the_other_family():
    """What no chain sees, passes: that is no merit."""
    found = assessed(OUT.replace("inet", "ip"))
    assert "no chain of the ruleset sees" in found["6092 REC-31"].reason
    assert found["6092 REC-31"].verdict is Verdict.NOT_APPLICABLE
    assert found["5382 REQ-2"].verdict is Verdict.MET


def test_trial_that_came_to_nothing():
    """The reason is there, and what would bring a verdict."""
    place = Topology.from_options(local=["10.0.0.0/8", "fd00::/8"])
    found = assessed(OUT.replace('"lan"', '"inside"'), place=place)["6092 REC-50"]
    assert (found.verdict, found.change) == (Verdict.NOT_EXERCISED, "--own ADDRESS")
    assert found.reason == "no IPv6 address of the firewall itself is known: give --own ADDRESS"


@pytest.mark.parametrize(
    ("config", "udp_said", "tcp_said"),
    [
        (ConntrackConfig(), "no udp helper is given to any connection", "no tcp helper is given to any connection"),
        (ConntrackConfig().with_helper("ftp").with_helper("tftp"), "helpers: tftp on port 69", "no tcp helper is given to any connection"),
        (ConntrackConfig(helper=1), "helpers: all of them by port (--helpers auto)", "helpers: all of them by port (--helpers auto)"),
    ],
    ids=["none", "ftp-tftp", "auto"],
)
def test_helpers(config, udp_said, tcp_said):
    """FTP's is let be."""
    found = assessed(config=config)
    assert (found["4787 REQ-10"].evidence[0].text, found["5382 REQ-6"].evidence[0].text) == (udp_said, tcp_said)


def test_helpers_that_rules_give():
    """By what their objects say."""
    rules = OUT.replace(
        "inet t {",
        'inet t { ct helper voice { type "sip" protocol udp; }\n ct helper files { type "ftp" protocol tcp; }\n',
    ).replace("policy drop;", 'policy drop; udp dport 5060 ct helper set "voice"\n tcp dport 21 ct helper set "files"\n')
    found = assessed(rules)
    assert found["4787 REQ-10"].evidence[0].text.startswith("helpers: sip by test.nft:")
    assert found["5382 REQ-6"].verdict is Verdict.MET


def test_one_standard_alone():
    """The others cost nothing."""
    assert {name.split()[0] for name in assessed(numbers=[5508])} == {"5508"}
