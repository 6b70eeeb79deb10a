"""The requirements as data."""

from __future__ import annotations

import re

import pytest

from pcapaudit.conntrack.config import DEFAULT_TIMEOUTS, SWITCHES
from pcapaudit.regress.standards.border import BORDER_PROBES
from pcapaudit.regress.standards.catalogue import STANDARDS, load_standard
from pcapaudit.regress.standards.facts import FACTS
from pcapaudit.regress.standards.probes import PROBES
from pcapaudit.regress.standards.talks import PROTOCOLS
from pcapaudit.regress.standards.translating import NAT_PROBES

ALL = [(number, each) for number in STANDARDS for each in load_standard(number).requirements]
TRIALS = {**PROBES, **BORDER_PROBES, **NAT_PROBES}
#: RFC → the requirements that it numbers.
NUMBERED = {4787: 14, 5382: 10, 5508: 11, 6092: 50}


@pytest.mark.parametrize(("number", "count"), NUMBERED.items())
def test_every_numbered_requirement_is_there(number, count):
    """None is left out."""
    prefix = "REC-" if number == 6092 else "REQ-"
    ids = {each.id for each in load_standard(number).requirements}
    assert {f"{prefix}{each}" for each in range(1, count + 1)} <= ids


def test_every_section_of_the_updates_is_there():
    """RFC 7857 numbers sections."""
    assert {each.section.partition(".")[0] for each in load_standard(7857).requirements} == {str(each) for each in range(2, 13)}


@pytest.mark.parametrize(("number", "each"), ALL, ids=[f"{number}-{each.id}" for number, each in ALL])
def test_requirement_is_well_made(number, each):
    """It names what there is, is looked at somehow or says why not, and can be mended."""
    assert each.level in ("MUST", "SHOULD", "MAY")
    assert re.fullmatch(r"\d+(\.\d+)*", each.section)
    assert each.text.endswith(".")
    assert set(each.timers) <= set(DEFAULT_TIMEOUTS)
    assert bool(each.timers) == bool(each.at_least)
    assert set(each.switches) <= set(SWITCHES)
    assert each.probe in ("", *TRIALS)
    assert set(each.facts) <= set(FACTS)
    assert {name[:-1] for name in (*each.flows, *each.errors)} <= {*PROTOCOLS, "icmp"}
    assert each.want in ("", "accept", "refuse", "silence", "answer")
    looked_at = each.timers or each.switches or each.probe or each.helpers or each.settings or each.want
    assert looked_at or each.why or each.eif or each.level == "MAY"


def test_ids_are_unique():
    """Each is named once."""
    names = [(number, each.id) for number, each in ALL]
    assert len(names) == len(set(names))


def test_every_trial_is_asked_for():
    """None is there for nothing."""
    assert {each.probe for _, each in ALL} >= set(TRIALS)
