"""The matches of iptables that remember, judged packet by packet."""

from __future__ import annotations

from reference_rules import Packet
from rules_bench import Bench

SECOND = 10**9


def bench(*lines, table="filter", chain="FORWARD", policy="ACCEPT"):
    """A table with one chain of the lines."""
    return Bench(f"*{table}\n:{chain} {policy} [0:0]\n" + "".join(f"-A {chain} {line}\n" for line in lines) + "COMMIT\n")


def at(seconds, **fields):
    """A packet of a time."""
    return Packet(now=10**18 + int(seconds * SECOND), **fields)


def verdicts(subject, packets):
    """Verdicts of packets."""
    return [subject.judge(each)[0] for each in packets]


def test_recent_counts_hits_within_seconds():
    """ufw's ``limit``: the sixth new connection within thirty seconds is refused."""
    subject = bench("-m recent --set --name x --rsource", "-m recent --update --seconds 30 --hitcount 6 --name x --rsource -j DROP")
    assert verdicts(subject, [at(each) for each in range(6)]) == ["accept"] * 5 + ["drop"]
    # The other source has a count of its own; the first one is let in again when its hits are too old.
    assert subject.judge(at(6, src=5)) == ("accept", True)
    assert subject.judge(at(60)) == ("accept", True)


def test_recent_update_notes_the_time_when_it_matches():
    """``--update`` keeps a noisy source out; ``--rcheck`` lets it in when the first time is too old."""
    for word, expected in (("--update", "drop"), ("--rcheck", "accept")):
        subject = bench(f"-m recent {word} --seconds 10 --name x -j DROP", "-p udp -m recent --set --name x")
        subject.judge(at(0, proto=17))
        assert subject.judge(at(8)) == ("drop", True)
        assert subject.judge(at(15))[0] == expected


def test_recent_remove_forgets():
    """Behind ``--remove`` the source is new again."""
    subject = bench(
        "-p udp --dport 1 -m recent --set --name x",
        "-p udp --dport 2 -m recent --remove --name x",
        "-p tcp -m recent --rcheck --name x -j DROP",
    )
    subject.judge(at(0, proto=17, dport=1))
    assert subject.judge(at(1)) == ("drop", True)
    subject.judge(at(2, proto=17, dport=2))
    assert subject.judge(at(3)) == ("accept", True)


def test_recent_negated_and_with_ttl():
    """``! --rcheck`` holds for strangers; with ``--rttl`` another TTL is a stranger."""
    subject = bench("-p udp -m recent --set --name x", "-p tcp -m recent ! --rcheck --rttl --name x -j DROP")
    subject.judge(at(0, proto=17, ttl=64))
    assert subject.judge(at(1, ttl=64)) == ("accept", True)
    assert subject.judge(at(1, ttl=63)) == ("drop", True)


def test_recent_list_holds_a_hundred():
    """The hundred and first pushes out the oldest."""
    subject = bench("-p udp -m recent --set --name x", "-p tcp -m recent --rcheck --name x -j DROP")
    for number in range(101):
        subject.judge(at(number, proto=17, src=number))
    assert subject.judge(at(200, src=0)) == ("accept", True)
    assert subject.judge(at(200, src=1)) == ("drop", True)


def test_hashlimit_has_a_bucket_for_each_source():
    """Above the rate, a source of its own is dropped; idle ones start afresh."""
    subject = bench("-m hashlimit --hashlimit-above 1/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h -j DROP")
    assert verdicts(subject, [at(0), at(0), at(0), at(0, src=9)]) == ["accept", "accept", "drop", "accept"]
    assert verdicts(subject, [at(9), at(9), at(9)]) == ["accept", "accept", "drop"]


def test_hashlimit_masks_the_source():
    """``--hashlimit-srcmask 24``: neighbours share a bucket."""
    subject = bench(
        "-m hashlimit --hashlimit-upto 1/min --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name h -j DROP"
    )
    assert verdicts(subject, [at(0, src=0x0A000001), at(0, src=0x0A000002), at(0, src=0x0A000101)]) == ["drop", "accept", "drop"]


def test_limit_has_its_defaults():
    """Three an hour, five at once."""
    subject = bench("-m limit -j DROP")
    assert verdicts(subject, [at(0)] * 6) == ["drop"] * 5 + ["accept"]
    assert subject.judge(at(1200)) == ("drop", True)


def test_quota_ends():
    """Bytes, then no more."""
    subject = bench("-m quota --quota 100 -j DROP")
    assert verdicts(subject, [at(0, length=60)] * 2) == ["drop", "accept"]


def test_owner_is_undecidable():
    """No capture knows users."""
    assert bench("-m owner --uid-owner 5 -j DROP").judge(at(0)) == ("accept", False)
