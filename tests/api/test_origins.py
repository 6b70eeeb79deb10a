"""Where values come from."""

from __future__ import annotations

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.origins import origins_of


def test_nobody_set_anything():
    """Linux's defaults have no entry."""
    assert origins_of(EngineOptions()) == {}


def test_later_ones_win(tmp_path):
    """Profile, file, options: as the values themselves."""
    path = tmp_path / "sysctl.txt"
    path.write_text("kernel.x = 1\nnet.netfilter.nf_conntrack_udp_timeout = 40\nnet.netfilter.nf_conntrack_tcp_loose = 0\n")
    found = origins_of(
        EngineOptions(
            profile="rfc",
            sysctl_file=str(path),
            timeout=("tcp.established=1h",),
            sysctl=("nf_conntrack_icmp_timeout=5", "net/netfilter/nf_conntrack_max=9"),
        )
    )
    assert found["udp.stream"].startswith("profile rfc: RFC 4787 REQ-5")
    assert (found["udp.unreplied"], found["tcp_loose"]) == (f"{path}:2", f"{path}:3")
    assert found["tcp.established"] == "--timeout tcp.established=1h"
    assert found["icmp"] == "--sysctl nf_conntrack_icmp_timeout=5"
    assert found["max"] == "--sysctl net/netfilter/nf_conntrack_max=9"
