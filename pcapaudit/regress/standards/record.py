"""The assessment as a plain value, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pcapaudit
from pcapaudit.regress.standards.assess import Assessment, Verdict
from pcapaudit.regress.standards.tried import Basis

if TYPE_CHECKING:
    from pcapaudit.capture.stream import Stream

__all__ = ["LEVELS", "SCHEMA_VERSION", "standards_record", "violates"]

#: Raised when a key changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1
#: How strong a requirement may be, from the strongest.
LEVELS = ("MUST", "SHOULD", "MAY")


def standards_record(found: Sequence[Assessment], stream: Stream, frames: int, rules: str, settings: str) -> dict[str, Any]:
    """The record: every requirement in the order of the standards, and how many came to what."""
    standards = {each.standard.number: each.standard for each in found}
    return {
        "schema_version": SCHEMA_VERSION,
        "pcapaudit": pcapaudit.__version__,
        "capture": {"files": [str(file.path) for file in stream.files], "frames": frames, "warnings": list(stream.warnings)},
        "rules": rules,
        "settings": settings,
        "standards": [
            {
                "rfc": number,
                "title": standard.title,
                "about": standard.about,
                "year": standard.year,
                "status": standard.status,
                "counts": _counts([each for each in found if each.standard is standard]),
                "requirements": [_requirement(each) for each in found if each.standard is standard],
            }
            for number, standard in standards.items()
        ],
        "counts": _counts(found),
    }


def _counts(found: Sequence[Assessment]) -> dict[str, int]:
    return {str(verdict): sum(each.verdict is verdict for each in found) for verdict in Verdict}


def _requirement(found: Assessment) -> dict[str, Any]:
    deciding = [each for each in found.evidence if each.holds is not None]
    return {
        "id": found.requirement.id,
        "section": found.requirement.section,
        "level": found.requirement.level,
        "text": found.requirement.text,
        "verdict": str(found.verdict),
        "on_packets_of_the_capture": any(each.basis is Basis.CAPTURE for each in deciding),
        "evidence": [
            {
                "basis": str(each.basis),
                "says": None if each.holds is None else str(Verdict.MET if each.holds else Verdict.VIOLATED),
                "text": each.text,
                "first_frame": each.frame or None,
            }
            for each in found.evidence
        ],
        "reason": found.reason or None,
        "change": found.change or None,
    }


def violates(record: dict[str, Any], level: str) -> bool:
    """Whether a requirement of this level (or a stronger one) is violated."""
    wanted = LEVELS[: LEVELS.index(level) + 1]
    return any(
        each["verdict"] == Verdict.VIOLATED and each["level"] in wanted
        for standard in record["standards"]
        for each in standard["requirements"]
    )
