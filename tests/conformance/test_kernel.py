"""The engine against the real Linux kernel, packet for packet; README.md beside this file says how the kernel was asked.

Everything arrives at a host, with checksums verified as the kernel verifies them. ``pcapaudit/conntrack/DIFFERENCES.md`` lists what is
known to differ; here nothing may.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import ROOT
from kernel_facts import UNSEEN, Fact, compare, engine_facts, read_golden

from pcapaudit.core import vocab

HERE = Path(__file__).parent
#: Folders whose captures stand beside their goldens.
PARTS = ("cases", "channels", "found", "sequences")
#: Golden file → its capture.
GOLDENS = {path: ROOT / "captures" / path.stem for path in sorted((HERE / "kernel").glob("*.txt"))}
GOLDENS |= {path: path.with_suffix("") for part in PARTS for path in sorted((HERE / part).glob("*.txt"))}
#: Captures of real programs, asked about again with helpers, stand in captures/.
GOLDENS |= {path: ROOT / "captures" / path.stem for path in GOLDENS if path.parent.name == "channels" and not path.with_suffix("").exists()}


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_engine_equals_kernel(golden):
    """Verdict, ct state, direction, state, time-out, status and flow of every packet."""
    setup, kernel = read_golden(golden)
    engine, reasons = engine_facts(GOLDENS[golden], setup)
    differing = [
        f"{each.frame} {each.field}\n  kernel {' '.join(each.kernel)}\n  engine {' '.join(each.engine)} {reasons[each.frame - 1]}"
        for each in compare(kernel, engine)
    ]
    assert not differing, "\n".join(differing)


def test_every_capture_has_its_golden():
    """A new capture is shown to the kernel, too; the two that a snap length cut off cannot be. No golden outlives its capture."""
    names = {path.name for path in (ROOT / "captures").glob("*.pcap*") if path.suffix != ".gz"}
    assert {path.stem for path in GOLDENS if path.parent.name == "kernel"} | {"offload.pcap", "snaplen.pcap"} == names
    for part in PARTS:
        assert {path.name for path in (HERE / part).glob("*.pcap")} == {
            path.stem for path, capture in GOLDENS.items() if path.parent.name == part and capture.parent == path.parent
        }


@pytest.mark.parametrize(("start", "names"), [("sctp", vocab.SCTP_STATES), ("dccp", vocab.DCCP_STATES), ("tcp", vocab.TCP_STATES)])
def test_goldens_reach_every_state(start, names):
    """Otherwise they would prove little."""
    facts = [fact for path in GOLDENS if path.name.startswith(start) for fact in read_golden(path)[1]]
    assert {name for name in names.values() if name} <= {fact.state for fact in facts}


FACTS = [
    Fact("accept", "new", "original", "syn_sent", "119", "C", "1"),
    Fact("accept", "established", "reply", "syn_recv", "59", "SC", "1"),
]


@pytest.mark.parametrize(
    ("frame", "change", "field"),
    [
        (1, {"verdict": "drop"}, "verdict"),
        (1, {"ct_state": "invalid"}, "ct_state"),
        (2, {"direction": "original"}, "direction"),
        (2, {"state": "established"}, "state"),
        (2, {"left": "61"}, "left"),
        (2, {"left": "-"}, "left"),
        (2, {"status": "SAC"}, "status"),
        (2, {"flow": "2"}, "flow"),
    ],
)
def test_comparison_finds_a_difference(frame, change, field):
    """In every field; a second more or less is none."""
    assert [(each.frame, each.field) for each in compare(FACTS, [FACTS[0], FACTS[1]._replace(left="60")])] == []
    engine = [fact._replace(**change) if number == frame else fact for number, fact in enumerate(FACTS, 1)]
    assert [(each.frame, each.field) for each in compare(FACTS, engine)] == [(frame, field)]


@pytest.mark.parametrize("verdict", sorted(UNSEEN))
def test_comparison_passes_over_what_the_kernel_did_not_see(verdict):
    """There is no answer to compare with."""
    assert not list(compare([Fact(verdict)], FACTS[:1]))


def test_flows_are_compared_as_a_mapping():
    """The kernel numbers flows as they are confirmed: other numbers are no difference, two flows for one are."""
    kernel = [FACTS[0]._replace(flow=number) for number in "1212"]
    assert not list(compare(kernel, [FACTS[0]._replace(flow=number) for number in "7979"]))
    assert [each.frame for each in compare(kernel, [FACTS[0]._replace(flow=number) for number in "7978"])] == [4]
