"""Crowds of flows: the cheap pass before, the counts, forged sources, and the bounds."""

from __future__ import annotations

import numpy as np
from crowd_flows import many
from packets import flow_rows

from pcapaudit.findings.crowds import BUSIEST, MAX_A_CALL, MAX_CROWDS, Crowds, hash_of
from pcapaudit.findings.scene import FlowView

ROW = {"packets": (3, 0), "bytes": (300, 0), "dport": 80}


def crowds(*portions, hit=None):
    """Crowds by destination host; every flow is a hit unless said otherwise."""
    made = Crowds()
    for rows in portions:
        flows = FlowView(flow_rows(*rows))
        at = np.arange(len(flows))
        mask = np.ones(len(at), np.bool_) if hit is None else np.array([hit(i) for i in range(len(at))])
        made.add(flows, at, hash_of(flows, at, "dst_hi", "dst_lo"), mask)
    return made


def test_numbers():
    """Of one crowd, over two portions."""
    first = many(10, ROW, src=lambda i: f"198.51.100.{i}")
    second = many(10, {**ROW, "blocked": 1, "rule": 2}, first=11, src=lambda i: f"198.51.100.{i + 5}", dport=lambda i: 80 + i)
    (crowd,) = crowds(first, second).values()
    assert (crowd.all, crowd.hits, crowd.refused, crowd.rule) == (20, 20, 10, 2)
    assert (crowd.packets, crowd.bytes, crowd.answered) == (60, 6000, 0)
    assert (len(crowd.sources), len(crowd.ports), len(crowd.hosts)) == (15, 10, 1)
    assert (int(crowd.first["flow"]), crowd.last_frame) == (1, 20)
    assert sum(crowd.rates.evidence()["counts"]) == 20


def test_others_count_against():
    """A crowd of which most come to something is none."""
    rows = many(10, {**ROW, "packets": (3, 3)})
    assert crowds(rows, hit=lambda i: i < 4).values() == []
    (crowd,) = crowds(rows, hit=lambda i: i < 7).values()
    assert (crowd.all, crowd.hits, crowd.opened.values) == (10, 7, {80})


def test_forged_sources():
    """From all over the world with one TTL, or each once; true ones differ in both."""
    world = {"src": lambda i: f"{1 + i * 37 % 200}.{i % 250}.1.{i >> 8}"}
    (one_ttl,) = crowds(many(200, ROW, **world)).values()
    assert one_ttl.looks_forged
    assert one_ttl.who == "200 sources, which look forged (200 networks, 1 different TTLs)"
    (true,) = crowds(many(400, ROW, src=lambda i: f"{1 + i * 37 % 100}.1.1.1", ttl=lambda i: 40 + i * 37 % 100 % 23)).values()
    assert not true.looks_forged
    (neighbours,) = crowds(many(200, ROW, src=lambda i: f"10.0.0.{i}")).values()
    assert not neighbours.looks_forged
    assert neighbours.spoofing()["share_of_the_most_frequent_ttl"] == 1.0


def test_single_flows_among_thousands_make_no_crowd():
    """Ordinary traffic costs one pass."""
    assert len(crowds(many(4000, ROW, dst=lambda i: f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"))) < 40


def test_crowds_are_bounded():
    """Ever new destinations: the busiest of each portion, and no more than there is room for."""
    portions = [
        many(300, ROW, dst=lambda i, k=k: f"10.{k >> 8}.{k & 255}.{i // 8}", first=1 + 300 * k) for k in range(MAX_CROWDS // BUSIEST + 20)
    ]
    made = crowds(*portions)
    assert len(made) == MAX_CROWDS
    assert made.missed > 0
    assert len(crowds(many(MAX_A_CALL * 2, ROW, dst=lambda i: f"10.0.0.{i // 2}"))) == MAX_A_CALL


def test_a_million_sources_are_not_all_kept():
    """Beyond the limit it says so."""
    portions = [many(4000, ROW, first=1 + 4000 * k, src=lambda i, k=k: f"1.{k}.{i >> 8}.{i & 255}") for k in range(10)]
    (crowd,) = crowds(*portions).values()
    assert crowd.hits == 40_000
    assert crowd.sources.text == "more than 20000"
