"""Engine against kernel, where this machine lets us; what is decided without one is tested everywhere."""

from __future__ import annotations

import pytest
from machine import why_not
from scenes import DROP_ALL, INSIDE_OUT, context_for, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel.sandbox import Plan, Sandbox
from pcapaudit.kernel.verify import UNKNOWN_INTERFACE, kernel_sysctls, verify

REASON = why_not()
needs_kernel = pytest.mark.skipif(bool(REASON), reason=REASON or "works")


def test_settings_become_sysctls():
    """Switches always, time-outs where they were given."""
    config = ConntrackConfig().with_timeout("tcp.established", "1h").with_timeout("udp.stream", "3m").with_sysctl("tcp_loose", "0")
    found = kernel_sysctls(config)
    assert found["netfilter/nf_conntrack_tcp_loose"] == 0
    assert found["netfilter/nf_conntrack_tcp_timeout_established"] == 3600
    assert found["netfilter/nf_conntrack_udp_timeout_stream"] == 180


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (ConntrackConfig().with_timeout("tcp.syn_sent2", "9"), "has no sysctl"),
        (ConntrackConfig().with_timeout("icmp", "1.5"), "whole seconds"),
        (ConntrackConfig(max=5), "whole machine"),
    ],
)
def test_setting_that_no_kernel_takes(config, why):
    """Said before anything is set up."""
    with pytest.raises(ConfigError, match=why):
        kernel_sysctls(config)


def in_lines(rules):
    """Older nft wants a line end behind the last rule of a chain."""
    return rules.replace("}", "\n}")


def compare(packets, rules, kernel_rules=None, **more):
    """A report over packets in memory; the kernel may be given other rules than the engine."""
    context = context_for(packets, rules)
    names = (*context.topology.interfaces, UNKNOWN_INTERFACE)
    with Sandbox(Plan(names, in_lines(kernel_rules or rules), "forward", {"netfilter/nf_conntrack_checksum": 0})) as sandbox:
        return verify(context, sandbox, **more)


HANDSHAKE = [
    (0.0, tcp("10.0.0.1:1000", "198.51.100.7:80", "S", 1)),
    (0.1, tcp("198.51.100.7:80", "10.0.0.1:1000", "SA", 1, 2)),
    (0.2, tcp("10.0.0.1:1000", "198.51.100.7:80", "A", 2, 2)),
]


@needs_kernel
def test_handshake_has_no_difference():
    """Every field of three packets, and one that is dropped."""
    report = compare([*HANDSHAKE, (0.3, udp("198.51.100.7:53", "10.0.0.1:9"))], INSIDE_OUT)
    assert (report.frames, report.compared, report.different, report.behind_gap) == (4, 4, 0, 0)


@needs_kernel
def test_other_rules_are_found_as_differences():
    """The comparison sees a kernel that decides otherwise: the proof that equality means something."""
    report = compare(HANDSHAKE, INSIDE_OUT, DROP_ALL, max_shown=1)
    assert report.different == 3
    assert len(report.differences) == 1
    assert report.differences[0].fields == ("verdict", "tcp-state", "status")
    assert report.differences[0].kernel.verdict == "drop"


@needs_kernel
def test_gap_that_is_not_waited_for_is_named():
    """Ten minutes later a handshake's third packet finds no entry; the kernel has not waited."""
    late = [*HANDSHAKE[:2], (600.0, HANDSHAKE[2][1])]
    report = compare(late, INSIDE_OUT)
    assert (report.different, report.behind_gap, report.gap_frames) == (0, 1, [3])


@needs_kernel
def test_realtime_waits():
    """A time-out of one second, outlived by both."""
    context = context_for([(0.0, udp("10.0.0.1:9", "198.51.100.7:53")), (2.5, udp("198.51.100.7:53", "10.0.0.1:9"))], INSIDE_OUT)
    config = ConntrackConfig(checksum=0).with_timeout("udp.unreplied", "1")
    object.__setattr__(context, "conntrack", config)
    plan = Plan((*context.topology.interfaces, UNKNOWN_INTERFACE), in_lines(INSIDE_OUT), "forward", kernel_sysctls(config))
    with Sandbox(plan) as sandbox:
        report = verify(context, sandbox, realtime=True)
    assert (report.compared, report.different, report.behind_gap) == (2, 0, 0)
