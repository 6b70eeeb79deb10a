"""Traced replays for tests."""

from __future__ import annotations

from checkout import ROOT
from scenes import ACCEPT_ALL, Collector, context_for

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.replay.run import run
from pcapaudit.replay.trace import Tracer

__all__ = ["MIXED_RULES", "replay_capture", "trace", "trace_with"]

#: Every kind of step: chains before conntrack and of nat, jumps, gotos, returns, maps, limits, sets that packets write to, marks, unknowns.
MIXED_RULES = """
table inet raw {
    chain early { type filter hook prerouting priority raw; policy accept;
        udp dport 53 udp length > 300 notrack
        ip protocol icmp counter
    }
}
table ip nat {
    chain post { type nat hook postrouting priority srcnat; policy accept;
        oifname "outside" tcp dport 80 masquerade
    }
}
table inet t {
    set seen { type ipv4_addr; flags dynamic, timeout; timeout 1m; size 64; }
    chain services {
        tcp dport { 80, 443 } accept
        udp dport 53 limit rate 5/second burst 2 packets accept
        meta mark 7 return
        th dport 0-1023 goto low
    }
    chain low {
        meta skuid 0 drop
        ip saddr 192.168.0.0/16 counter return
        limit rate over 1/minute reject
    }
    chain c { type filter hook forward priority 0; policy drop;
        ct state vmap { established : accept, related : accept, invalid : jump bad }
        ct state invalid drop
        ip protocol udp meta mark set 7
        add @seen { ip saddr limit rate 3/second burst 4 packets } counter
        iifname "inside" jump services
        meta length > 1000 quota over 3000 bytes drop
        icmp type echo-request accept
        meta l4proto ipv6-icmp accept
    }
    chain bad {
        tcp flags & (fin|syn|rst|ack) == rst counter
        tcp flags rst accept
        meta cpu 1 goto low
    }
}
"""


def replay_capture(name, rules=(), frames=None, **options):
    """(what the engine said, the tracer or None) of a capture of the repository; ``frames``: numbers that are traced."""
    engine = EngineOptions(rules=tuple(map(str, rules)), seed=1, **options)
    collector, tracer = Collector(), None if frames is None else Tracer(frames)
    with open_session([str(ROOT / "captures" / name)], engine) as context:
        run(context, [collector], 1, None, tracer)
    return collector, tracer


def trace_with(packets, rules=ACCEPT_ALL, *frames, **options):
    """(traces, context) of frames of packets [(seconds, IP bytes)]; of the last one if none is named."""
    context = context_for(packets, rules, **options)
    tracer = Tracer(frames or [len(packets)])
    run(context, [], 1, None, tracer)
    return tracer.traces, context


def trace(packets, rules=ACCEPT_ALL, **options):
    """The trace of the last packet."""
    (found,), _ = trace_with(packets, rules, **options)
    return found
