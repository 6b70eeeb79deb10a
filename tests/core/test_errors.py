"""What a person reads when something cannot be done."""

from __future__ import annotations

from pcapaudit.core.errors import CaptureError, Diagnostic, PcapauditError, RulesetError


def test_capture_error_names_file_offset_and_what_to_do():
    """One line: where, what was found, what was expected, the next step."""
    error = CaptureError("a.pcap", 24, "0x00", "a record header", "Is the file whole?")
    assert str(error) == "a.pcap: offset 24: found 0x00; expected a record header. Is the file whole?"
    assert isinstance(error, PcapauditError)


def test_capture_error_without_offset():
    """A file that cannot be opened has no offset."""
    assert str(CaptureError("a.pcap", None, "nothing", "a file", "Check the name.")).startswith("a.pcap: found nothing")


def test_diagnostic_underlines_the_place():
    """The caret stands below the column, tabs kept."""
    text = str(Diagnostic("r.nft", 3, 2, "unknown word", "did you mean accept?", "\tacept", 5))
    assert text.splitlines() == ["r.nft:3:2: unknown word", "    \tacept", "    \t^^^^^", "    did you mean accept?"]


def test_ruleset_error_shows_every_diagnostic():
    """In file order, each on its own line."""
    error = RulesetError([Diagnostic("r.nft", 1, 1, "first"), Diagnostic("r.nft", 2, 1, "second")])
    assert str(error) == "r.nft:1:1: first\nr.nft:2:1: second"


def test_complaint_about_a_whole_file_has_no_line():
    """A file that cannot be read."""
    assert str(Diagnostic("x.nft", 0, 0, "cannot read it", "do this")) == "x.nft: cannot read it\n    do this"
