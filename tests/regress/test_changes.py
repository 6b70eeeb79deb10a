"""The words for changes."""

from pcapaudit.regress.changes import Kind


def test_kinds_have_codes():
    """As in options."""
    assert [kind.code for kind in Kind] == ["newly-blocked", "newly-allowed", "reason-changed", "other-rule"]
