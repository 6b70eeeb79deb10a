"""Time-outs and switches: Linux's defaults, names of ours and of Linux, texts of errors."""

from importlib.resources import files

import pytest

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, ConntrackConfig, parse_duration_ns
from pcapaudit.conntrack.layout import TIMER_GENERIC, TIMER_ICMP, TIMER_TCP_UNACK, TIMER_UDP_STREAM
from pcapaudit.conntrack.profile import PROFILES, parse_profile
from pcapaudit.core.consts import TCPS_ESTABLISHED
from pcapaudit.core.errors import ConfigError

S = 1_000_000_000


def test_defaults_are_those_of_linux():
    """A few that everybody knows."""
    timers = ConntrackConfig().timeout_list()
    assert timers[TCPS_ESTABLISHED] == 5 * 86400 * S
    assert (timers[TIMER_TCP_UNACK], timers[TIMER_UDP_STREAM], timers[TIMER_ICMP], timers[TIMER_GENERIC]) == (
        300 * S,
        120 * S,
        30 * S,
        600 * S,
    )
    assert DEFAULT_TIMEOUTS["tcp.syn_recv"] == 60


def test_timeout_by_both_names():
    """Our name and the sysctl mean the same timer."""
    ours = ConntrackConfig().with_timeout("udp.stream", "3m")
    assert ours == ConntrackConfig().with_sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", "180")
    assert ours.timeout_list()[TIMER_UDP_STREAM] == 180 * S


@pytest.mark.parametrize(
    "name", ["tcp_loose", "nf_conntrack_tcp_loose", "net.netfilter.nf_conntrack_tcp_loose", "net/netfilter/nf_conntrack_tcp_loose"]
)
def test_switch_by_every_spelling(name):
    """Short and long, with dots and slashes."""
    assert ConntrackConfig().with_sysctl(name, "0").tcp_loose == 0


def test_sysctl_without_effect_is_taken():
    """The output of sysctl -a can be given whole."""
    assert ConntrackConfig().with_sysctl("net.netfilter.nf_conntrack_acct", "1") == ConntrackConfig()
    assert ConntrackConfig().with_sysctl("nf_conntrack_dccp_loose", "0") == ConntrackConfig()


@pytest.mark.parametrize(
    ("text", "ns"), [("90", 90 * S), ("1.5s", 1_500_000_000), ("200ms", S // 5), ("5m", 300 * S), ("1h30m", 5400 * S), ("2d", 172800 * S)]
)
def test_durations(text, ns):
    """Numbers with and without units."""
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.with_timeout("tcp.open", "3"), "no time-out is called 'tcp.open'; there are tcp.syn_sent"),
        (lambda c: c.with_timeout("udp.stream", "soon"), "udp.stream = soon: expected a duration"),
        (lambda c: c.with_timeout("udp.stream", "3 years"), "expected a duration"),
        (lambda c: c.with_timeout("udp.stream", "9999999d"), "at most 100 years"),
        (lambda c: c.with_sysctl("tcp_lose", "0"), "no sysctl 'tcp_lose'"),
        (lambda c: c.with_sysctl("tcp_loose", "2"), "tcp_loose = 2: expected a whole number from 0 to 1"),
        (lambda c: c.with_switch("tcp_loose", 5), "expected a number from 0 to 1"),
    ],
)
def test_errors_name_what_is_possible(call, words):
    """Each error says what was given and what is expected."""
    with pytest.raises(ConfigError, match=words):
        call(ConntrackConfig())


def test_sysctl_file():
    """Lines of conntrack count, whatever else stands there; an error names the line."""
    text = "kernel.pid_max = 4194304\nnet.netfilter.nf_conntrack_udp_timeout = 40\nnet/netfilter/nf_conntrack_tcp_loose=0\n"
    config = ConntrackConfig().with_sysctls(text + "net.netfilter.nf_log.2 = NONE\n", "fw.txt")
    assert (config.timeouts, config.tcp_loose) == ({"udp.unreplied": 40 * S}, 0)
    with pytest.raises(ConfigError, match=r"fw.txt:1: .*tcp_loose = 7: expected a whole number from 0 to 1"):
        ConntrackConfig().with_sysctls("net.netfilter.nf_conntrack_tcp_loose = 7", "fw.txt")


@pytest.mark.parametrize("name", PROFILES[1:])
def test_every_profile_can_be_applied(name):
    """Timers and switches of every profile are known to the engine."""
    text = (files("pcapaudit.conntrack") / "profiles" / f"{name}.toml").read_text()
    profile = parse_profile(name, text)
    config = ConntrackConfig().with_profile(profile)
    assert {each.name: each.value * S for each in profile.timeouts} == dict(config.timeouts)


@pytest.mark.parametrize(
    ("version", "keeps"),
    [("6.1", 0), ("6.1.192", 0), ("6.12", 1), ("6.12.107", 0), ("6.12.114-amd64", 1), ("6.18.44", 0), ("7.3.4", 1)],
)
def test_kernel_versions(version, keeps):
    """What the oracle found of each: the time-out after an inexact RST."""
    assert ConntrackConfig().with_kernel(version).rst_keeps_unacknowledged == keeps


def test_unknown_kernel():
    """The error shows what is expected."""
    with pytest.raises(ConfigError, match=r"--kernel six: expected a version such as 6.1"):
        ConntrackConfig().with_kernel("six")


#: ``sysctl -a | grep -e nf_conntrack_ -e ipfrag`` of Linux 6.12 with DCCP: every name, and whether it changes an answer about a capture.
SYSCTLS = """
acct:0 buckets:0 checksum:1 count:0 events:0 expect_max:1 frag6_high_thresh:1 frag6_low_thresh:0 frag6_timeout:1 generic_timeout:1
gre_timeout:1 gre_timeout_stream:1 icmp_timeout:1 icmpv6_timeout:1 log_invalid:0 max:1 timestamp:0 udp_timeout:1 udp_timeout_stream:1
dccp_timeout_closereq:1 dccp_timeout_closing:1 dccp_timeout_open:1 dccp_timeout_partopen:1 dccp_timeout_request:1 dccp_timeout_respond:1
dccp_timeout_timewait:1 sctp_timeout_closed:1 sctp_timeout_cookie_echoed:1 sctp_timeout_cookie_wait:1 sctp_timeout_established:1
sctp_timeout_heartbeat_sent:1 sctp_timeout_shutdown_ack_sent:1 sctp_timeout_shutdown_recd:1 sctp_timeout_shutdown_sent:1 tcp_be_liberal:1
tcp_ignore_invalid_rst:1 tcp_loose:1 tcp_max_retrans:1 tcp_timeout_close:1 tcp_timeout_close_wait:1 tcp_timeout_established:1
tcp_timeout_fin_wait:1 tcp_timeout_last_ack:1 tcp_timeout_max_retrans:1 tcp_timeout_syn_recv:1 tcp_timeout_syn_sent:1
tcp_timeout_time_wait:1 tcp_timeout_unacknowledged:1 ipfrag_time:1 ipfrag_high_thresh:1 ipfrag_low_thresh:0 ipfrag_max_dist:1
ipfrag_secret_interval:0
"""


@pytest.mark.parametrize(("name", "counts"), [each.split(":") for each in SYSCTLS.split()])
def test_every_sysctl_is_known(name, counts):
    """By its full name; what changes an answer changes the configuration, alone and in a file."""
    full = f"net.ipv4.{name}" if name.startswith("ipfrag") else f"net.netfilter.nf_conntrack_{name}"
    default = ConntrackConfig()
    value = "0" if default.with_sysctl(full, "1") == default else "1"
    changed = default.with_sysctl(full, value)
    assert (changed != default) == (counts == "1")
    assert default.with_sysctls(f"{full} = {value}\n", "f") == changed


def test_timers_that_run_so_long():
    """By protocol; several may be set to the same, and a changed one is found by its new length."""
    config = ConntrackConfig().with_timeout("udp.stream", "3m")
    assert config.timers_at("udp", 30 * 10**9) == ["udp.unreplied"]
    assert config.timers_at("udp", 180 * 10**9) == ["udp.stream"]
    assert config.timers_at("udp", 120 * 10**9) == []
    assert config.timers_at("tcp", 300 * 10**9) == ["tcp.max_retrans", "tcp.unacknowledged"]
