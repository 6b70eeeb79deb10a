"""From options to a run's context, and what is said of options that make no sense."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace

import pytest
from checkout import ROOT

from pcapaudit.cli.options import EngineOptions
from pcapaudit.cli.session import DEFAULT_RULES, conntrack_config, open_session, ruleset_of, topology_of
from pcapaudit.core.errors import CaptureError, ConfigError, RulesetError
from pcapaudit.replay.topology import Topology

WEB = str(ROOT / "captures" / "web.pcap")
DEFAULTS = EngineOptions(None, (), (), (), "auto", (), (), "auto", "what-if", None, 0.0, False)
SECOND = 1_000_000_000


def options(**changes):
    return replace(DEFAULTS, **changes)


def session(captures=(WEB,), **changes):
    """The context of a run that is over."""
    with open_session(list(captures), options(**changes)) as context:
        return context


def texts(ruleset):
    """Every rule of a ruleset, printed."""
    from pcapaudit.rules.nft.printer import format_rule

    return [format_rule(rule) for table in ruleset.tables for chain in table.chains for rule in chain.rules]


def test_defaults():
    """The built-in ruleset over assumed zones."""
    context = session()
    assert context.topology.assumed
    assert context.program.interfaces == context.topology.interfaces
    assert context.program.location(1).startswith(f"{DEFAULT_RULES}:")
    assert (context.checksum, context.mode) == ("auto", "what-if")
    assert context.program.notes == []


def test_options_reach_the_context():
    """Mode, checksum, topology, path."""
    context = session(mode="observed", checksum="ignore", own=("192.168.10.1",), local=("192.168.10.0/24",))
    assert (context.mode, context.checksum, context.conntrack.checksum) == ("observed", "ignore", 0)
    assert context.topology.own
    assert not context.topology.assumed_inside


def test_leaving_closes_the_capture(monkeypatch):
    """Also by an exception."""
    ends = []

    @contextmanager
    def stream(captures, **how):
        try:
            yield (captures, how)
        finally:
            ends.append(captures)

    monkeypatch.setattr("pcapaudit.cli.session.open_stream", stream)
    with pytest.raises(RuntimeError), open_session([WEB], options(strict=True, reorder_window=0.5)) as context:
        assert context.stream == ([WEB], {"strict": True, "reorder_ns": SECOND // 2})
        raise RuntimeError
    assert ends == [[WEB]]


def test_ruleset_of_a_file(tmp_path):
    """Its name is shown as it was given."""
    path = tmp_path / "x.nft"
    path.write_text("table ip t { chain c { type filter hook forward priority 0; policy drop; tcp dport 22 accept; } }")
    context = session(rules=str(path))
    assert texts(context.ruleset) == ["tcp dport 22 accept"]
    assert context.program.location(1) == f"{path}:1"


def test_built_in_ruleset_speaks_of_the_zones_inside():
    """Where zones are given, "inside" is the interface of each zone that is not the rest of the world."""
    topology = Topology.from_options(("lan=eth1:10.0.0.0/8", "dmz=eth2:192.0.2.0/24", "wan=eth0:any"), ("10.0.0.0/8", "192.0.2.0/24"))
    inside = {zone.iface for zone in topology.zones if zone.inside}
    (rule,) = [text for text in texts(ruleset_of(DEFAULTS, topology)) if "iifname" in text]
    assert set(re.findall(r'"(eth\d)"', rule)) == inside
    assert inside


def test_no_zone_is_inside():
    """Nothing could open a connection: the person is asked which network is meant."""
    with pytest.raises(ConfigError, match=r"no zone is inside.*give --local CIDR or --rules FILE"):
        session(zone=("wan=eth0:any",))


def test_own_ruleset_needs_no_zone_inside(tmp_path):
    """It says itself what may pass."""
    path = tmp_path / "x.nft"
    path.write_text("table ip t { chain c { type filter hook forward priority 0; policy drop; } }")
    assert session(zone=("wan=eth0:any",), rules=str(path)).topology.interfaces == ("eth0",)


def test_topology_file_takes_the_place_of_options(tmp_path):
    """--path still wins."""
    file = tmp_path / "site.toml"
    file.write_text('path = "input"\n[zones.lan]\nprefixes = ["10.0.0.0/8"]\n')
    topology = topology_of(options(topology=str(file)))
    assert (topology.interfaces, topology.path, topology.assumed) == (("lan",), "input", False)
    assert topology_of(options(topology=str(file), path="forward")).path == "forward"


@pytest.mark.parametrize(
    ("content", "changes", "complaint"),
    [
        (b"", {"zone": ("a=b:any",), "own": ("10.0.0.1",)}, "the file says what --zone and --own would: write it there"),
        (b"", {"local": ("10.0.0.0/8",)}, "the file says what --local would"),
        (None, {}, "cannot be read: No such file or directory; expected a TOML file"),
        (b"own = [\xff]", {}, "byte 7 is not UTF-8 text"),
        (b"zone = []", {}, "unknown key zone; did you mean zones"),
    ],
)
def test_topology_file_that_cannot_be_used(tmp_path, content, changes, complaint):
    """File and reason."""
    file = tmp_path / "site.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        topology_of(options(topology=str(file), **changes))
    assert f"{file}: " in str(caught.value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"timeout": ("tcp.established=1h",)}, "tcp.established", 3600 * SECOND),
        ({"timeout": ("icmp=1s", "icmp=2s")}, "icmp", 2 * SECOND),
        ({"sysctl": ("nf_conntrack_udp_timeout=10",)}, "udp.unreplied", 10 * SECOND),
        ({"sysctl": ("net.netfilter.nf_conntrack_udp_timeout=10",)}, "udp.unreplied", 10 * SECOND),
    ],
)
def test_timeouts(changes, name, value):
    """By our name or Linux's; the last one counts."""
    assert conntrack_config(options(**changes)).timeouts == {name: value}


def test_switches():
    """And --checksum ignore."""
    config = conntrack_config(options(sysctl=("nf_conntrack_tcp_loose=0", "nf_conntrack_tcp_be_liberal=1"), checksum="ignore"))
    assert (config.tcp_loose, config.tcp_be_liberal, config.checksum) == (0, 1, 0)
    assert conntrack_config(DEFAULTS).checksum == 1


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"timeout": ("tcp",)}, ["--timeout tcp: expected NAME=VALUE", "--timeout tcp.established=1h"]),
        ({"timeout": ("=1",)}, ["expected NAME=VALUE"]),
        ({"timeout": ("icmp=",)}, ["expected NAME=VALUE"]),
        ({"timeout": ("tcp.x=1",)}, ["no time-out is called 'tcp.x'", "tcp.established", "udp.stream"]),
        ({"timeout": ("icmp=soon",)}, ["icmp = soon", "expected a duration such as"]),
        ({"sysctl": ("x",)}, ["--sysctl x: expected NAME=VALUE", "nf_conntrack_tcp_loose=0"]),
        ({"sysctl": ("x=1",)}, ["no sysctl 'x'", "nf_conntrack_tcp_loose", "nf_conntrack_udp_timeout"]),
        ({"sysctl": ("nf_conntrack_tcp_loose=7",)}, ["nf_conntrack_tcp_loose = 7", "from 0 to 1"]),
        ({"zone": ("a",)}, ["--zone a: expected NAME=IFACE:CIDR"]),
        ({"own": ("x",)}, ["--own x: not an address"]),
        ({"local": ("1.2.3.4/99",)}, ["--local 1.2.3.4/99"]),
    ],
)
def test_option_that_makes_no_sense(changes, parts):
    """What was given, what is possible, what to write."""
    with pytest.raises(ConfigError) as caught:
        session(**changes)
    assert [part for part in parts if part not in str(caught.value)] == []


def test_rules_are_refused_before_captures_are_opened():
    """What is cheap to find out comes first."""
    with pytest.raises(RulesetError):
        session(["no-such.pcap"], rules="no-such.nft")
    with pytest.raises(ConfigError):
        session(["no-such.pcap"], rules="no-such.nft", own=("x",))
    with pytest.raises(CaptureError):
        session(["no-such.pcap"])
