"""Token buckets and byte counts; that rules with limits equal the slow reference is tested in ``test_evaluate``."""

from __future__ import annotations

from reference_rules import Packet
from rules_bench import Bench, forward

from pcapaudit.rules.limits import Limits

START, SECOND = 10**18, 10**9


def test_bucket_empties_and_fills():
    """Two at once, then one a second."""
    bench = Bench(forward("limit rate 1/second burst 2 packets accept"))
    found = [bench.judge(Packet(now=START + at * SECOND))[0] for at in (0, 0, 0, 1, 1, 3, 3, 3)]
    assert found == ["accept", "accept", "drop", "accept", "drop", "accept", "accept", "drop"]


def test_quota_over_what_is_allowed():
    """The packet that goes over it is over it."""
    bench = Bench(forward("quota over 100 bytes drop", "accept"))
    assert [bench.judge(Packet(length=60))[0] for _ in range(3)] == ["accept", "drop", "drop"]


def test_other_worlds_make_a_bucket_unsure():
    """A packet that only may have reached the limit leaves the next one undecided; a bucket that must be full again is sure."""
    bench = Bench(forward('iifname "inside" limit rate 1/second burst 1 packets accept'))
    assert bench.judge(Packet(iif=None, now=START)) == ("drop", False)
    assert bench.judge(Packet(now=START))[1] is False
    assert bench.judge(Packet(now=START + 100 * SECOND)) == ("accept", True)


def test_limits_keep_their_programs_numbers():
    """Each run has counts of its own."""
    program = Bench(forward("limit rate 1/second accept\nquota 5 bytes accept")).program
    before = list(program.limits), list(program.quotas)
    Limits(program)
    assert (list(program.limits), list(program.quotas)) == before
