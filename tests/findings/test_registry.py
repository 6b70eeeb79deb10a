"""All detectors: codes, docstrings, and nothing found where nothing is."""

from __future__ import annotations

import re

import pytest
from packets import packets
from sample_run import context, flows

from pcapaudit.findings.registry import DETECTORS, SECTIONS, describe, make_detectors


def test_codes_differ():
    """A code belongs to one detector, and its module is named after it."""
    codes = [each.code for each in DETECTORS]
    assert len(set(codes)) == len(codes)
    assert [each.__module__.rsplit(".", 1)[-1] for each in DETECTORS] == [code.replace("-", "_") for code in codes]
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.code)
def test_docstring_has_its_sections(detector):
    """A title in one line, then every section with something in it."""
    described = describe(detector)
    assert "\n" not in described.title
    assert described.title.endswith(".")
    assert list(described.sections) == list(SECTIONS)
    assert all(len(text) > 20 for text in described.sections.values())


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda each: each.code)
def test_nothing_is_found_in_nothing(detector):
    """An empty batch, no flows; a detector has no state of its class."""
    for _ in range(2):
        made = next(each for each in make_detectors(context()) if each.code == detector.code)
        made.on_batch(*packets())
        made.on_flows(flows()[:0])
        made.on_end()
        assert list(made.violations()) == []


def test_established_traffic_is_clean():
    """Accepted packets of an established connection concern no detector."""
    for detector in make_detectors(context()):
        detector.on_batch(*packets({"flow": 1}, {"flow": 1, "iif": 0, "oif": 1, "direction": 0}))
        detector.on_end()
        assert list(detector.violations()) == []
