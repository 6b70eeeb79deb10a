"""What programs remember: which instruction asks what; each kind has tests of its own."""

from __future__ import annotations

from reference_rules import Packet
from rules_bench import Bench, forward

START, SECOND = 10**18, 10**9


def test_lifetimes_begin_with_the_first_packet():
    """Whenever that comes."""
    bench = Bench(
        "table inet t {\nset s { type inet_service; flags interval,timeout; elements = { 0-65535 timeout 1s }; }\n"
        + forward("th dport @s drop", "accept")[len("table inet t {\n") :]
    )
    assert [bench.judge(Packet(now=START + at))[0] for at in (0, SECOND - 1, SECOND)] == ["drop", "drop", "accept"]


def test_slots_of_a_rule_share_an_answer():
    """A verdict map behind a limit takes one token, whichever element the packet meets."""
    bench = Bench(forward("limit rate 1/hour burst 2 packets th dport vmap { 443 : accept, 444 : drop, 445 : accept }", "drop"))
    assert [bench.judge(Packet(now=START, dport=445))[0] for _ in range(3)] == ["accept", "accept", "drop"]


def test_memory_is_of_one_run():
    """Two evaluators of one program count apart."""
    program = forward("quota over 100 bytes drop", "accept")
    one, other = Bench(program), Bench(program)
    assert [one.judge(Packet(length=80))[0] for _ in range(2)] == ["accept", "drop"]
    assert other.judge(Packet(length=80)) == ("accept", True)
