"""The requirements as data: one TOML text a standard (``rfcNNNN.toml``), each with what it asks for, in our words, and how it is looked at.

A requirement's keys:

    id, section, level (MUST, SHOULD, MAY), text
    timers, at_least    time-outs that must be so long, in seconds; ``principal``: the one that decides, the others are told
    switches            switch → least value
    probe, of           a trial (``probes``, ``border``, ``translating``) and what it is given
    helpers             helpers for this protocol must be off
    settings            ``separate``: timers of opening and closing may differ
    flows               protocol and IP version (``udp4``) of connections of the capture that exercise it
    errors, facts       the same of ICMP errors about flows, and of what ``facts`` counts
    want                what must become of these packets: ``accept``, ``refuse``, ``silence`` (drop), ``answer`` (reject)
    eif                 it is about endpoint-independent filtering, which conntrack has not
    kernel              what Linux does by itself about packets that the rules of a trial let through, so that it is met all the same
    why                 why nothing here can exercise it
    fix                 what would change a violation, where no timer says it
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

__all__ = ["STANDARDS", "Requirement", "Standard", "load_standard"]

#: Numbers of the RFCs, in the order of reports.
STANDARDS = (4787, 5382, 5508, 7857, 6092)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement; fields as the module says."""

    id: str
    section: str
    level: str
    text: str
    timers: tuple[str, ...] = ()
    at_least: int = 0
    principal: str = ""
    switches: Mapping[str, int] = field(default_factory=dict)
    probe: str = ""
    of: Mapping[str, Any] = field(default_factory=dict)
    helpers: str = ""
    settings: str = ""
    flows: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    want: str = ""
    eif: bool = False
    kernel: str = ""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Standard:
    """One RFC."""

    number: int
    title: str
    #: In a few words.
    about: str
    year: int
    #: ``BCP 127`` or ``Informational``.
    status: str
    requirements: tuple[Requirement, ...]


def load_standard(number: int) -> Standard:
    """The requirements of one of STANDARDS."""
    text = resources.files("pcapaudit.regress.standards").joinpath(f"rfc{number}.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    requirements = tuple(_requirement(each) for each in values.pop("requirement"))
    return Standard(**values, requirements=requirements)


def _requirement(values: dict[str, Any]) -> Requirement:
    whole: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Requirement(**whole)
