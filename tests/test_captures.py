"""Every capture of captures/ through ``pcapaudit audit``, as a person runs it.

``tests/goldens/NAME.txt`` says in a few lines what the tool says of each, to be read beside ``captures/INDEX.md``.
PCAPAUDIT_UPDATE_GOLDENS=1 writes them anew.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
from collections import Counter
from functools import cache

import dpkt
import pytest
from checkout import ROOT, TESTS
from goldens import assert_golden

from pcapaudit.cli.main import run

#: Options that a capture is meant to be audited with.
OPTIONS = {"vlan-qinq.pcap": ("--ct-zone", "vlan")}

CAPTURES = sorted(path.name for path in (ROOT / "captures").iterdir() if path.suffix in (".pcap", ".pcapng", ".gz"))
TABLES = ("verdicts.csv", "flows.csv", "violations.csv")


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
    """Paths are shown as they were given."""
    monkeypatch.chdir(ROOT)


def audit(path, folder, *options):
    """(exit code, the tables as bytes by name, the summary) of a run."""
    name = str(path).rpartition("/")[2].removesuffix(".gz")
    code = run(["audit", "-q", "-o", str(folder), *OPTIONS.get(name, ()), *options, str(path)])
    return code, {name: (folder / name).read_bytes() for name in TABLES}, json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The run that the other ones are held against, once for each capture."""

    @cache
    def of(name):
        return audit(f"captures/{name}", tmp_path_factory.mktemp("audit"), "--seed", "1")

    return of


def rows(table):
    """The rows of a table as dictionaries."""
    return list(csv.DictReader(io.StringIO(table.decode())))


def frames_of(name):
    """How many whole frames the file holds, counted another way."""
    data = (ROOT / "captures" / name).read_bytes()
    if name.endswith(".pcapng"):
        return sum(1 for _ in dpkt.pcapng.Reader(io.BytesIO(data)))
    data = gzip.decompress(data) if name.endswith(".gz") else data
    order = "<" if data[0] in (0xD4, 0x4D) else ">"
    at, count = 24, 0
    while at + 16 <= len(data):
        at += 16 + struct.unpack_from(f"{order}I", data, at + 8)[0]
        count += at <= len(data)
    return count


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_is_audited_whole(name, audited):
    """Every frame has its verdict, every flow its row; the exit code is that of the findings; tables and summary agree."""
    code, tables, summary = audited(name)
    verdicts, flows, violations = (rows(tables[each]) for each in TABLES)
    assert len(verdicts) == summary["packets"]["total"] == summary["capture"]["frames"] == frames_of(name)
    assert [int(each["frame"]) for each in verdicts] == list(range(1, len(verdicts) + 1))
    assert sorted(int(each["flow"]) for each in flows) == list(range(1, summary["flows"]["total"] + 1))
    assert Counter(each["verdict"] for each in verdicts) == summary["packets"]["by_verdict"]
    assert Counter(each["end_reason"] for each in flows) == summary["flows"]["by_end"]
    assert Counter(each["severity"] for each in violations) == {k: n for k, n in summary["violations"]["by_severity"].items() if n}
    assert code == any(each["severity"] != "info" for each in violations)


@pytest.mark.parametrize("name", CAPTURES)
def test_flows_count_the_packets_of_the_verdicts(name, audited):
    """Each packet of a flow stands in both tables. (ICMP errors belong to the flow that they quote; as in Linux they do not count.)

    Fragments that waited belong to the flow of the one that made their datagram whole.
    """
    _, tables, _ = audited(name)
    every = rows(tables["verdicts.csv"])
    whole = {each["datagram"]: each["flow"] for each in every if each["datagram"] and each["verdict"] != "skip"}
    for each in every:
        if each["verdict"] == "skip" and each["datagram"]:
            each["flow"] = whole.get(each["datagram"], "")
    verdicts = [each for each in every if each["flow"]]
    quoted = {each["flow"] for each in verdicts if each["proto"].startswith("icmp") and not each["sport"].strip("0")}
    seen = Counter(each["flow"] for each in verdicts if each["flow"] not in quoted)
    counted = {each["flow"]: int(each["orig_packets"]) + int(each["reply_packets"]) for each in rows(tables["flows.csv"])}
    assert {flow: number for flow, number in counted.items() if flow not in quoted} == seen


@pytest.mark.parametrize("name", CAPTURES)
def test_result_does_not_depend_on_seed_or_compression(name, audited, tmp_path):
    """Another hash key and a compressed copy of the file give the same tables to the byte."""
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress((ROOT / "captures" / name).read_bytes()) if not name.endswith(".gz") else b"")
    path = f"captures/{name.removesuffix('.gz')}" if name.endswith(".gz") else packed
    code, tables, summary = audit(path, tmp_path / "out", "--seed", "2")
    before = audited(name)
    assert (code, tables) == before[:2]
    for part in ("packets", "flows", "rules", "zones", "anomalies", "violations"):
        assert summary[part] == before[2][part]


def golden(summary):
    """What matters of a summary, a fact a line."""
    packets = summary["packets"]
    counted = [
        ("frames", {"": packets["total"]}),
        ("verdict", packets["by_verdict"]),
        ("ct state", packets["by_ct_state"]),
        ("reason", packets["by_reason"]),
        ("undecided", {"": packets["undecided"]["packets"]} if packets["undecided"]["packets"] else {}),
        ("anomaly", summary["anomalies"]),
        ("flow end", summary["flows"]["by_end"]),
        ("finding", Counter(f"{each['code']} {each['severity']}" for each in summary["violations"]["found"])),
    ]
    lines = [" ".join(f"{kind} {name} {number}".split()) for kind, names in counted for name, number in sorted(names.items())]
    lines += [f"warning {each}" for each in summary["capture"]["warnings"]]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", CAPTURES)
def test_capture_says_what_the_golden_says(name, audited):
    """Verdicts, states, reasons, ends and findings, counted."""
    assert_golden(TESTS / "goldens" / f"{name}.txt", golden(audited(name)[2]))


def test_every_golden_has_its_capture():
    """None outlives what it is about."""
    assert sorted(path.name.removesuffix(".txt") for path in (TESTS / "goldens").iterdir()) == CAPTURES
