"""The summary of a run made by hand."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

from checkout import ROOT
from sample_run import START_NS, batch, context, flows

from pcapaudit.report.summary import Results, iso_time, summarize, violation_records
from pcapaudit.report.totals import RunCounts

VIOLATION = SimpleNamespace(
    code="unsolicited-inbound",
    severity="high",
    flow=2,
    parent=1,
    first_frame=2,
    last_frame=399,
    count=100,
    message="2001:db8::1 sent 100 packets that nobody had asked for to port 5353/udp",
    evidence={"hosts": 1},
    rule=2,
    source="RFC 4787",
    advice="Nothing to do if the policy drops them; look at the source if they go on.",
)


def results(violations=(VIOLATION,), frames=400, **changes):
    """A finished run of so many frames."""
    counts = RunCounts(3)
    if frames:
        counts.on_batch(*batch(frames))
        counts.on_flows(flows())
    last_ns = START_NS + 4_000_000_000 if frames else 0
    totals = SimpleNamespace(
        frames=frames, flows=2, high_water=12, high_water_ns=START_NS, first_ns=START_NS if frames else 0, last_ns=last_ns
    )
    return Results(context(**changes), "of,fice.nft", totals, counts, list(violations))


def test_packets_are_counted_by_everything():
    """Largest first, equal counts by name."""
    packets = summarize(results())["packets"]
    assert packets["total"] == 400
    assert packets["by_verdict"] == {"drop": 200, "accept": 100, "skip": 100}
    assert list(packets["by_verdict"]) == ["drop", "accept", "skip"]
    assert packets["by_ct_state"] == {"new": 200, "invalid": 100, "none": 100}
    assert packets["by_reason"] == {"not-ip": 100, "policy": 100, "tcp-seq-over": 100}
    assert packets["by_protocol"] == {"icmp": 100, "not IP": 100, "tcp": 100, "udp": 100}
    assert sum(cell["packets"] for cell in packets["joint"]) == 400


def test_undecided_names_its_causes():
    """The rule whose unknown match leaves the verdict open."""
    undecided = summarize(results())["packets"]["undecided"]
    cause = {"at": "of,fice.nft:12", "text": 'iifname "wan" log prefix "a, b" drop', "packets": 100}
    assert undecided == {"packets": 100, "causes": [cause]}


def test_capture_has_its_span_in_capture_time():
    """First and last time stamp, as text and as numbers."""
    capture = summarize(results())["capture"]
    assert (capture["first"], capture["last"]) == ("2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:24.123456789Z")
    assert (capture["duration_ns"], capture["frames"], capture["frame_bytes"]) == (4_000_000_000, 400, 100 * (60 + 61 + 62 + 63))
    assert capture["files"][0]["path"] == "office.pcap"


def test_empty_capture_has_no_time():
    """No frames: nothing is invented."""
    summary = summarize(results(frames=0, violations=()))
    assert summary["capture"]["first"] is None
    assert summary["packets"]["total"] == 0
    assert summary["violations"]["found"] == []


def test_ways_between_zones():
    """Zones by name, none where no zone covers the address."""
    ways = [(way["from"], way["to"], way["packets"], way["drop"]) for way in summarize(results())["zones"]]
    assert set(ways) == {(None, None, 100, 0), ("lan", None, 100, 100), ("lan", "wan", 100, 0), ("wan", "lan", 100, 100)}


def test_assumptions_and_ruleset_warnings():
    """What the reader must know to trust the numbers."""
    warning = SimpleNamespace(path="x.nft", line=3, message="never matches", advice="delete it")
    assumptions = summarize(results(ruleset=SimpleNamespace(warnings=(warning,))))["assumptions"]
    assert assumptions["notes"] == ["x.nft:3: never matches; delete it", "hook ingress sees nothing here"]
    assert assumptions["zones"][0] == {"name": "lan", "interface": "lan0", "inside": True, "prefixes": ["10.0.0.0/8"]}
    assert (assumptions["ruleset"], assumptions["inside_assumed"]) == ("of,fice.nft", True)
    assert assumptions["hint"] is None


def test_hint_names_the_network_to_say(monkeypatch):
    """Where the inside is assumed and nothing touched it."""
    monkeypatch.setattr(RunCounts, "busiest_network", "203.0.113.0/24")
    assert summarize(results())["assumptions"]["hint"] == (
        "no packet came from inside or went there, so hardly anything is judged: say --local CIDR (most flows went to 203.0.113.0/24)"
    )


def test_violations_become_records():
    """With the columns of the table; 0 is no flow and no rule."""
    (record,) = violation_records([VIOLATION], context())
    assert (record["rule"], record["rule_at"], record["flow"], record["parent"]) == (2, "of,fice.nft:12", 2, 1)
    (record,) = violation_records([SimpleNamespace(**{**vars(VIOLATION), "rule": 0, "flow": 0, "parent": 0})], context())
    assert (record["rule"], record["rule_at"], record["flow"], record["parent"]) == (None, None, None, None)


def test_summary_is_json_and_the_same_each_time():
    """No clock, no random order."""
    assert json.dumps(summarize(results())) == json.dumps(summarize(results()))


def test_docs_name_every_key():
    """docs/formats.md lists the keys of the first level."""
    docs = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").split("## `summary.json`")[1]
    listed = [name for row in re.findall(r"^\| (`.*?) \|", docs, re.M) for name in re.findall(r"`(\w+)`", row)]
    assert listed == list(summarize(results()))


def test_iso_time_before_1970():
    """Nine decimals, rounded down."""
    assert iso_time(-1) == "1969-12-31T23:59:59.999999999Z"


def test_ways_that_nobody_knows_are_a_cause():
    """Named by the base chains that the packets may pass."""
    made = results()
    made.counts.packets.causes[0] = 3
    (cause,) = [each for each in summarize(made)["packets"]["undecided"]["causes"] if each["text"] == "which hooks the packet passes"]
    assert cause["packets"] == 3
    assert cause["at"] == "of,fice.nft:4"
