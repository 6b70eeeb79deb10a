"""The fuzzer without a kernel: its traffic, how it shortens, and that what it keeps would fail as a test."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest
from kernel_facts import compare, engine_facts, read_golden

HERE = Path(__file__).parent
OPTIONS = Namespace(frames=1500, gaps=None, six=0.3, sysctl=(), rules=None, mode="traffic")


@pytest.fixture
def scripts(monkeypatch):
    """The scripts of this folder, imported."""
    monkeypatch.syspath_prepend(str(HERE))
    import fuzz
    import fuzz_channels
    import fuzz_nat
    import minimise
    import traffic

    yield Namespace(fuzz=fuzz, minimise=minimise, traffic=traffic, channels=fuzz_channels, nat=fuzz_nat)
    for name in ("fuzz", "fuzz_channels", "fuzz_nat", "minimise", "traffic"):
        sys.modules.pop(name)


def test_traffic_is_the_same_for_the_same_seed(scripts):
    """And another for another; time never goes back."""
    first, again, other = (scripts.traffic.packets(scripts.traffic.Style(seed, 1000)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 1000
    assert first == sorted(first, key=lambda item: item[0])


def test_traffic_meets_every_judgement(scripts, tmp_path):
    """A few seeds are enough for every ct state and every reason that the window check knows."""
    states, reasons = set(), set()
    for seed in range(1, 9):
        run = scripts.fuzz.chosen(seed, OPTIONS)
        scripts.traffic.write(tmp_path / "run.pcap", run.style)
        facts, why = engine_facts(tmp_path / "run.pcap", run.setup)
        states |= {fact.ct_state for fact in facts}
        reasons |= set(why)
    assert {"new", "established", "related", "invalid"} <= states
    wanted = {
        "tcp-seq-over",
        "tcp-seq-under",
        "tcp-ack-over",
        "tcp-ack-under",
        "tcp-overshot",
        "tcp-rst-seq",
        "tcp-syn-on-live",
        "tcp-state",
    }
    assert wanted | {"icmp-quote-short", "icmp-quote-unknown", "fragment-queued", "fragment-dropped", "sctp-vtag"} <= reasons


def test_channels_are_the_same_for_the_same_seed(scripts):
    """Whatever the protocols; a ruleset or ports assign the helpers."""
    style = scripts.traffic.Style(1, 500)
    assert scripts.channels.packets(style) == scripts.channels.packets(style)
    setups = [scripts.channels.setup(scripts.traffic.Style(seed)) for seed in range(8)]
    assert {bool(each.helpers) for each in setups} == {True, False}


def test_channels_announce_what_comes(scripts, tmp_path):
    """Connections that are expected, of several protocols, and what is not read any more because a byte is wrong."""
    states, expected, reasons = set(), set(), set()
    for seed in range(1, 9):
        run = scripts.fuzz.chosen(seed, Namespace(**vars(OPTIONS) | {"mode": "channels"}))
        scripts.fuzz.write_pcap(tmp_path / "run.pcap", run.packets())
        facts, why = engine_facts(tmp_path / "run.pcap", run.setup)
        states |= {fact.ct_state for fact in facts}
        expected |= {fact.state for fact in facts if "E" in fact.status}
        reasons |= set(why)
    assert {"new", "established", "related", "invalid"} <= states
    assert {"-", "syn_sent", "established", "close_wait"} <= expected
    assert {"helper", "tcp-seq-under", "rule"} <= reasons


def test_traffic_through_nat_is_translated_and_answered(scripts, tmp_path):
    """Both kinds of NAT at both hooks, and replies that find their connection."""
    seen, hooks = set(), set()
    for seed in range(1, 9):
        run = scripts.fuzz.chosen(seed, Namespace(**vars(OPTIONS) | {"mode": "nat", "frames": 500}))
        hooks.add(run.setup.hook)
        made = run.packets()
        assert made == run.packets()
        scripts.fuzz.write_pcap(tmp_path / "run.pcap", made)
        facts, _ = engine_facts(tmp_path / "run.pcap", run.setup)
        seen |= {(fact.ct_state, fact.direction, letter) for fact in facts for letter in fact.status if letter in "sd"}
    assert hooks == {"forward", "input"}
    assert {("established", way, letter) for way in ("original", "reply") for letter in "sd"} <= seen


@pytest.mark.parametrize("needed", [{0}, {99}, {3, 50, 51}, {0, 99}, set(range(40, 60))])
def test_shortest_part_is_found(scripts, needed):
    """Exactly what is needed is left, in order."""
    assert scripts.minimise.minimise(range(100), lambda part: needed <= set(part)) == sorted(needed)


def test_nothing_can_be_left_out_of_a_shortened_part(scripts):
    """Also when parts depend on each other in an odd way: at least three multiples of seven, one of them above 50."""

    def shows(part):
        sevens = [each for each in part if each % 7 == 0]
        return len(sevens) >= 3 and max(sevens) > 50

    short = scripts.minimise.minimise(range(100), shows)
    assert shows(short)
    assert not any(shows(short[:i] + short[i + 1 :]) for i in range(len(short)))


def test_difference_is_shortened_and_kept(scripts, tmp_path, monkeypatch, capsys):
    """A kernel that called one kind of packet otherwise: the capture kept is that packet and what it needs, with the kernel's answer."""

    def kernel(_oracle, capture, setup):
        facts, reasons = engine_facts(capture, setup)
        return [fact._replace(ct_state="new") if why == "tcp-rst-seq" else fact for fact, why in zip(facts, reasons, strict=True)]

    monkeypatch.setattr(scripts.fuzz, "kernel_facts", kernel)
    fuzzer = scripts.fuzz.Fuzzer("no oracle", tmp_path / "found")
    run = scripts.fuzz.chosen(3, Namespace(**vars(OPTIONS) | {"sysctl": ["checksum=0"], "rules": ""}))
    assert fuzzer.run(run) > 0
    capture, *_ = sorted((tmp_path / "found").glob("*.pcap"))
    setup, answers = read_golden(capture.with_suffix(".pcap.txt"))
    engine, reasons = engine_facts(capture, setup)
    assert len(engine) < 6
    assert reasons[-1] == "tcp-rst-seq"
    assert [each.field for each in compare(answers, engine)] == ["ct_state"]
    assert capture.stem in capsys.readouterr().out
