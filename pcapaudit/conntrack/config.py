"""What can be set about conntrack: time-outs and switches, with Linux's defaults.

Names: ``tcp.established`` (ours, in options and profiles) and ``nf_conntrack_tcp_timeout_established`` (Linux's sysctl) are the same timer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pcapaudit.conntrack.layout import TIMERS
from pcapaudit.conntrack.profile import Profile
from pcapaudit.core.errors import ConfigError

__all__ = ["DEFAULT_TIMEOUTS", "SWITCHES", "SYSCTL_OF", "ConntrackConfig", "Timer", "parse_duration_ns", "timer_number"]

_NS = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Timer:
    """One time-out."""

    #: Place in the list that the compiled tracker reads.
    number: int
    #: Name in options and profiles.
    name: str
    #: Linux's name below net.netfilter (net.ipv4 for ipfrag_…); empty where Linux has none.
    sysctl: str
    #: Linux's default.
    seconds: int


#: Every timer: nf_conntrack_proto_*.c, "nf_frag_low/high time" of the reassembly (net/ipv4/ip_fragment.c, netfilter/nf_conntrack_reasm.c).
_TIMERS = (
    Timer(1, "tcp.syn_sent", "nf_conntrack_tcp_timeout_syn_sent", 2 * _MINUTE),
    Timer(2, "tcp.syn_recv", "nf_conntrack_tcp_timeout_syn_recv", _MINUTE),
    Timer(3, "tcp.established", "nf_conntrack_tcp_timeout_established", 5 * _DAY),
    Timer(4, "tcp.fin_wait", "nf_conntrack_tcp_timeout_fin_wait", 2 * _MINUTE),
    Timer(5, "tcp.close_wait", "nf_conntrack_tcp_timeout_close_wait", _MINUTE),
    Timer(6, "tcp.last_ack", "nf_conntrack_tcp_timeout_last_ack", 30),
    Timer(7, "tcp.time_wait", "nf_conntrack_tcp_timeout_time_wait", 2 * _MINUTE),
    Timer(8, "tcp.close", "nf_conntrack_tcp_timeout_close", 10),
    Timer(9, "tcp.syn_sent2", "", 2 * _MINUTE),
    Timer(10, "tcp.max_retrans", "nf_conntrack_tcp_timeout_max_retrans", 5 * _MINUTE),
    Timer(11, "tcp.unacknowledged", "nf_conntrack_tcp_timeout_unacknowledged", 5 * _MINUTE),
    Timer(12, "udp.unreplied", "nf_conntrack_udp_timeout", 30),
    Timer(13, "udp.stream", "nf_conntrack_udp_timeout_stream", 2 * _MINUTE),
    Timer(14, "icmp", "nf_conntrack_icmp_timeout", 30),
    Timer(15, "icmpv6", "nf_conntrack_icmpv6_timeout", 30),
    Timer(16, "generic", "nf_conntrack_generic_timeout", 10 * _MINUTE),
    Timer(17, "gre.unreplied", "nf_conntrack_gre_timeout", 30),
    Timer(18, "gre.stream", "nf_conntrack_gre_timeout_stream", 3 * _MINUTE),
    Timer(19, "sctp.closed", "nf_conntrack_sctp_timeout_closed", 10),
    Timer(20, "sctp.cookie_wait", "nf_conntrack_sctp_timeout_cookie_wait", 3),
    Timer(21, "sctp.cookie_echoed", "nf_conntrack_sctp_timeout_cookie_echoed", 3),
    Timer(22, "sctp.established", "nf_conntrack_sctp_timeout_established", 210),
    Timer(23, "sctp.shutdown_sent", "nf_conntrack_sctp_timeout_shutdown_sent", 3),
    Timer(24, "sctp.shutdown_recd", "nf_conntrack_sctp_timeout_shutdown_recd", 3),
    Timer(25, "sctp.shutdown_ack_sent", "nf_conntrack_sctp_timeout_shutdown_ack_sent", 3),
    Timer(26, "sctp.heartbeat_sent", "nf_conntrack_sctp_timeout_heartbeat_sent", 30),
    Timer(28, "dccp.request", "nf_conntrack_dccp_timeout_request", 4 * _MINUTE),
    Timer(29, "dccp.respond", "nf_conntrack_dccp_timeout_respond", 8 * _MINUTE),
    Timer(30, "dccp.partopen", "nf_conntrack_dccp_timeout_partopen", 8 * _MINUTE),
    Timer(31, "dccp.open", "nf_conntrack_dccp_timeout_open", 12 * _HOUR),
    Timer(32, "dccp.closereq", "nf_conntrack_dccp_timeout_closereq", 64),
    Timer(33, "dccp.closing", "nf_conntrack_dccp_timeout_closing", 64),
    Timer(34, "dccp.timewait", "nf_conntrack_dccp_timeout_timewait", 4 * _MINUTE),
    Timer(35, "fragment.ipv4", "ipfrag_time", 30),
    Timer(36, "fragment.ipv6", "nf_conntrack_frag6_timeout", 60),
)
_BY_NAME = {timer.name: timer for timer in _TIMERS}
_BY_SYSCTL = {timer.sysctl: timer for timer in _TIMERS if timer.sysctl}

#: Timer name → Linux's default in seconds.
DEFAULT_TIMEOUTS: Mapping[str, int] = {timer.name: timer.seconds for timer in _TIMERS}
#: Timer name → Linux's name of it, empty where it has none.
SYSCTL_OF: Mapping[str, str] = {timer.name: timer.sysctl for timer in _TIMERS}
#: Switch (a field of ConntrackConfig) → smallest and largest value.
SWITCHES: Mapping[str, tuple[int, int]] = {
    "tcp_loose": (0, 1),
    "tcp_be_liberal": (0, 1),
    "tcp_ignore_invalid_rst": (0, 1),
    "tcp_max_retrans": (0, 255),
    "checksum": (0, 1),
    "max": (0, (1 << 24) - 2),
    "udp_close_on_reply": (0, 1),
    "expect_max": (1, 65535),
    "helper": (0, 1),
    "ipfrag_high_thresh": (0, (1 << 31) - 1),
    "frag6_high_thresh": (0, (1 << 31) - 1),
    "ipfrag_max_dist": (0, (1 << 31) - 1),
}
#: Sysctls that change no answer about a capture: accepted, so that the output of ``sysctl -a`` can be given whole.
_WITHOUT_EFFECT = {
    "nf_conntrack_acct",
    "nf_conntrack_buckets",
    "nf_conntrack_count",
    # A DCCP connection begins with a Request in any case: the kernel's table has no other way out of "none".
    "nf_conntrack_dccp_loose",
    "nf_conntrack_events",
    "nf_conntrack_frag6_low_thresh",
    "nf_conntrack_log_invalid",
    "nf_conntrack_timestamp",
    "ipfrag_low_thresh",
    "ipfrag_secret_interval",
}
#: How the names of IPv4's reassembly begin, which stand below net.ipv4.
_IPFRAG = "ipfrag_"
#: Point release of 6.12 from which on an in-window RST leaves tcp.unacknowledged.
_RST_FIX = 114
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
#: Largest value of a helper's setting: they are switches, seconds and counts.
_LARGEST_PARAM = 1_000_000
_LONGEST_SECONDS = 100 * 365 * _DAY


@dataclass(frozen=True, slots=True)
class ConntrackConfig:
    """Time-outs and switches of the state engine; the defaults are Linux's."""

    #: Timer name → ns, where it differs from Linux.
    timeouts: Mapping[str, int] = field(default_factory=dict)
    #: 1: a TCP packet from the middle of a connection may open an entry.
    tcp_loose: int = 1
    #: 1: only RSTs outside the window are invalid, data is not judged.
    tcp_be_liberal: int = 0
    #: 1: a RST below the window is let through.
    tcp_ignore_invalid_rst: int = 0
    #: Repetitions of a segment after which the retransmission timer holds.
    tcp_max_retrans: int = 3
    #: 1: packets with a wrong checksum are invalid.
    checksum: int = 1
    #: Most entries that the table takes; 0 for as many as the engine can hold (16 million).
    max: int = 0
    #: 1: a UDP exchange ends with its reply. No Linux does that; textbook filters may.
    udp_close_on_reply: int = 0
    #: Most expectations pending at a time; Linux's default on a machine with more than 4 GB.
    expect_max: int = 4096
    #: 1: helpers are assigned by port, as before Linux 6.0.
    helper: int = 0
    #: Helpers assigned by hand: name and port of the control channel.
    helper_ports: tuple[tuple[str, int], ...] = ()
    #: Settings of helpers, ``ftp.loose`` and the like, where they differ from Linux.
    helper_params: Mapping[str, int] = field(default_factory=dict)
    #: Bytes of fragments that may wait, IPv4 and IPv6; 0: none.
    ipfrag_high_thresh: int = 4 << 20
    frag6_high_thresh: int = 4 << 20
    #: Fragments of others that an IPv4 source may send between two of one datagram; 0: any number.
    ipfrag_max_dist: int = 64
    #: 1: an in-window RST that does not match exactly leaves ``tcp.unacknowledged`` (Linux 6.12.114 and later); 0: ``tcp.close``.
    rst_keeps_unacknowledged: int = 1

    def with_timeout(self, name: str, text: str) -> ConntrackConfig:
        """The same with one timer changed: ``text`` is a duration such as 90, 90s, 5m, 2h, 1d. Raises ConfigError."""
        if name not in _BY_NAME:
            raise ConfigError(f"no time-out is called {name!r}; there are {', '.join(_BY_NAME)}")
        return replace(self, timeouts={**self.timeouts, name: parse_duration_ns(text, name)})

    def with_sysctl(self, name: str, text: str) -> ConntrackConfig:
        """The same with one of Linux's sysctls, with or without ``net.netfilter.`` and ``nf_conntrack_``. Raises ConfigError."""
        short = name.replace("/", ".").removeprefix("net.").removeprefix("netfilter.").removeprefix("ipv4.")
        full = short if short.startswith(("nf_conntrack_", _IPFRAG)) else f"nf_conntrack_{short}"
        if full in _WITHOUT_EFFECT:
            return self
        if full in _BY_SYSCTL:
            return self.with_timeout(_BY_SYSCTL[full].name, text)
        switch = full.removeprefix("nf_conntrack_")
        if switch not in SWITCHES:
            known = sorted({*_BY_SYSCTL, *(each if each.startswith(_IPFRAG) else f"nf_conntrack_{each}" for each in SWITCHES)})
            raise ConfigError(f"no sysctl {name!r} that conntrack reads; there are {', '.join(known)}")
        return self.with_switch(switch, _number(text, name, *SWITCHES[switch]))

    def with_sysctls(self, text: str, path: str) -> ConntrackConfig:
        """The same with what the output of ``sysctl -a`` says of conntrack; other lines are passed over. Raises ConfigError."""
        config = self
        for number, line in enumerate(text.splitlines(), 1):
            name, equals, value = (part.strip() for part in line.partition("="))
            short = name.replace("/", ".").rpartition(".")[2]
            is_known = short in _BY_SYSCTL or short.removeprefix("nf_conntrack_") in SWITCHES
            if equals and is_known and short.startswith(("nf_conntrack_", _IPFRAG)):
                try:
                    config = config.with_sysctl(short, value)
                except ConfigError as error:
                    raise ConfigError(f"{path}:{number}: {error}") from None
        return config

    def with_profile(self, profile: Profile) -> ConntrackConfig:
        """The same with a profile's timers and switches. Raises ConfigError where it names what there is not."""
        config = self
        for timer in profile.timeouts:
            config = config.with_timeout(timer.name, str(timer.value))
        for switch in profile.switches:
            config = config.with_switch(switch.name, switch.value)
        return config

    def with_kernel(self, version: str) -> ConntrackConfig:
        """The same as Linux of this version behaves: 6.12.114 and later 6.12 leave other time-outs after a RST than what came before.

        7.0 and later do as 6.12.117; 6.13 to 6.19 as 6.12.107. Raises ConfigError.
        """
        found = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?", version)
        if found is None:
            raise ConfigError(f"--kernel {version}: expected a version such as 6.1 or 6.12.117")
        major, minor, patch = (int(part or 0) for part in found.groups())
        new = major >= 7 or ((major, minor) == (6, 12) and (patch >= _RST_FIX or found[3] is None))
        return replace(self, rst_keeps_unacknowledged=int(new))

    def with_helper(self, text: str) -> ConntrackConfig:
        """The same with a helper assigned by port: ``ftp``, or ``ftp=21,2121``. Raises ConfigError."""
        from pcapaudit.conntrack.helpers.registry import BY_NAME

        name, equals, ports = text.partition("=")
        helper = BY_NAME.get(name)
        if helper is None or not helper.port:
            raise ConfigError(f"--helper {text}: expected one of {', '.join(each.name for each in BY_NAME.values() if each.port)}")
        wanted = [_number(port, f"--helper {name}", 1, 65535) for port in ports.split(",")] if equals else [helper.port]
        return replace(self, helper_ports=(*self.helper_ports, *((name, port) for port in wanted)))

    def with_helper_param(self, text: str) -> ConntrackConfig:
        """The same with a setting of a helper: ``ftp.loose=1``, ``nf_conntrack_ftp.loose=1``. Raises ConfigError."""
        from pcapaudit.conntrack.helpers.registry import DEFAULT_PARAMS

        name, _, value = text.partition("=")
        short = name.strip().removeprefix("nf_conntrack_")
        if short not in DEFAULT_PARAMS:
            raise ConfigError(f"--helper-param {text}: expected NAME=VALUE, NAME one of {', '.join(sorted(DEFAULT_PARAMS))}")
        return replace(self, helper_params={**self.helper_params, short: _number(value, f"--helper-param {short}", 0, _LARGEST_PARAM)})

    def with_switch(self, name: str, value: int) -> ConntrackConfig:
        """The same with one of SWITCHES changed. Raises ConfigError."""
        low, high = SWITCHES.get(name, (1, 0))
        if not low <= value <= high:
            raise ConfigError(f"{name} = {value}: expected a number from {low} to {high}")
        values: dict[str, int] = {name: value}
        return replace(self, **values)  # type: ignore[arg-type]  # SWITCHES names integer fields

    def timeout_list(self) -> list[int]:
        """Every timer in ns, by number."""
        values = [0] * TIMERS
        for timer in _TIMERS:
            values[timer.number] = self.timeouts.get(timer.name, timer.seconds * _NS)
        return values

    def timers_at(self, protocol: str, timeout_ns: int) -> list[str]:
        """Names of a protocol's timers that are set to so many ns."""
        values = self.timeout_list()
        return [timer.name for timer in _TIMERS if timer.name.startswith(f"{protocol}.") and values[timer.number] == timeout_ns]


def timer_number(name: str) -> int:
    """Place of a timer in ``ConntrackConfig.timeout_list``."""
    return _BY_NAME[name].number


def parse_duration_ns(text: str, name: str = "duration") -> int:
    """A duration in ns: a number of seconds, or parts such as ``1h30m``. Raises ConfigError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([a-z]*)", text.strip().lower())
    if (
        not parts
        or "".join(number + unit for number, unit in parts) != text.strip().lower()
        or any(unit not in _UNITS for _, unit in parts)
    ):
        raise ConfigError(f"{name} = {text}: expected a duration such as 90, 90s, 5m, 2h or 1d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST_SECONDS:
        raise ConfigError(f"{name} = {text}: expected at most 100 years")
    return round(seconds * _NS)


def _number(text: str, name: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    if not text.strip().isdigit() or not low <= int(text) <= high:
        raise ConfigError(f"{name} = {text}: expected a whole number from {low} to {high}")
    return int(text)
