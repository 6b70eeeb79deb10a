"""Three filters side by side, in words."""

from __future__ import annotations

import io
import json

from rich.console import Console

from pcapaudit.report.exposure import FORMS, SHOWN, exposure_json, render_exposure


def group(**changes):
    """A source that only stateless filters let in."""
    values = {
        "source": "203.0.113.9",
        "protocol": "tcp",
        "source_ports": [80],
        "packets": 1000,
        "kept_out_by_syn_test": 990,
        "targets": ["10.0.0.1:22"],
        "first_frame": 1,
    }
    return {**values, **changes}


def record(*groups, **changes):
    """A comparison."""
    names = ("two-rules", "syn-test", "stateful")
    more = (sum(each["packets"] for each in groups), sum(each["packets"] - each["kept_out_by_syn_test"] for each in groups), 0)
    values = {
        "capture": {"files": ["a.pcap"], "frames": 2345, "warnings": ["cut off"]},
        "rules": "fw.nft",
        "packets": 2000,
        "set_aside": 5,
        "duration_ns": 60 * 10**9,
        "filters": [
            {"filter": name, "passed": 1, "from_outside": 100 + extra, "flows": 7, "more_than_stateful": extra, "open": ""}
            for name, extra in zip(names, more, strict=True)
        ],
        "stateful_open_ns": 30 * 10**9,
        "stateful_flows": 3,
        "let_in_without_state": list(groups),
        "groups_left_out": 0,
    }
    return {**values, **changes}


def rendered(made):
    """As printed."""
    text = io.StringIO()
    render_exposure(made, Console(file=text, width=140, color_system=None, force_terminal=False))
    return text.getvalue()


def test_report_sets_filters_side_by_side():
    """And says how long the way back is open."""
    text = rendered(record(group()))
    assert "5 packets are set aside" in text
    rows = {line[:25].strip(): line for line in text.splitlines()}
    assert rows["two rules, no state"].split()[4:7] == ["1", "100", "1"]
    assert "always, to all: 1 min 0 s" in rows["two rules, no state"]
    assert "for 3 connections, each to its own peer, 10.000 s on average" in " ".join(text.split())
    assert "State kept out 1 000 packets (90.9 % of what two rules let in), 10 of which no SYN test can tell from answers." in text


def test_sources_tell_ports_and_targets():
    """One or how many."""
    text = rendered(
        record(group(), group(source_ports=[1, 2], targets=["10.0.0.1:1", "10.0.0.2:2"]), group(protocol="icmp", source_ports=[]))
    )
    assert "tcp from port 80 " in text
    assert "tcp from 2 ports " in text
    assert "10.0.0.1:1 and 1 more" in text
    assert "icmp  " in text


def test_many_sources_are_summed_up():
    """The worst are shown."""
    text = rendered(record(*[group(source=f"203.0.113.{n}") for n in range(SHOWN + 4)]))
    assert text.count("203.0.113.") == SHOWN
    assert "and 4 more" in text


def test_nothing_kept_out_is_said():
    """No table of sources."""
    text = rendered(record(stateful_flows=0))
    assert "Nothing came that state alone kept out." in text
    assert "never: no connection was let through" in text
    assert "Let in only" not in text


def test_json_is_the_record():
    """To the letter."""
    assert json.loads(exposure_json(record(group()))) == record(group())


def test_pages_say_the_same():
    """Three filters, the sources, the sum; every source, and no markup from names."""
    groups = [group(source=f"203.0.113.{number}") for number in range(SHOWN + 3)]
    made = record(*groups)
    made["rules"] = "<fw>.nft"
    for form in ("markdown", "html"):
        text = FORMS[form](made)
        assert "two rules and a SYN test" in text
        assert f"203.0.113.{SHOWN + 2}" in text
        assert "&lt;fw&gt;.nft" in text
        assert "State kept out" in text
    assert FORMS["html"](made).count("<span class='bar") == 5


def test_pages_of_nothing():
    """No source, no table of them."""
    assert "despite SYN test" not in FORMS["markdown"](record())
    assert "despite SYN test" not in FORMS["html"](record())
