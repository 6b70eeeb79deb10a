"""What evidence rests on."""

from __future__ import annotations

from pcapaudit.regress.standards.tried import Basis, Evidence, Tried


def test_strongest_basis_first():
    """Packets of the capture weigh more than made-up ones, these more than settings."""
    assert list(Basis) == ["capture", "probe", "setting"]


def test_evidence_without_a_frame():
    """Most has none."""
    assert Evidence(Basis.PROBE, True, "x").frame == 0
    assert Tried(False, "y").holds is False
