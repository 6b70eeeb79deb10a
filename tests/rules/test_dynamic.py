"""Sets that packets write to: chains, free places, sweeps; what rules see of them is tested in ``test_evaluate_effects``."""

from __future__ import annotations

from reference_rules import Packet
from rules_bench import Bench, forward

SECOND = 10**9


def test_many_elements_come_and_go():
    """Against a dictionary: every address is there exactly as long as it lives."""
    rules = "udp dport 1 update @s { ip saddr timeout 3s } accept\nip saddr @s drop"
    text = forward(rules, "accept").replace("chain c", "set s {\ntype ipv4_addr\nflags dynamic,timeout\nsize 64\n}\nchain c")
    bench = Bench(text)
    ends: dict[int, int] = {}
    for step in range(600):
        now = 10**18 + step * SECOND // 10
        source = step * 7919 % 50
        if step % 3:
            bench.judge(Packet(proto=17, dport=1, src=source, now=now))
            ends[source] = now + 3 * SECOND
        else:
            expected = "drop" if ends.get(source, 0) > now else "accept"
            assert bench.judge(Packet(src=source, now=now)) == (expected, True)
