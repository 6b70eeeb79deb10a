"""Putting a comparison together."""

from pcapaudit.cli.diff import DiffOptions
from pcapaudit.cli.diffing import _allowed, _ruleset
from pcapaudit.regress.changes import Kind


def test_word_for_the_built_in_ruleset(tmp_path, monkeypatch):
    """Unless a file has that name."""
    monkeypatch.chdir(tmp_path)
    assert _ruleset("default") == ()
    assert _ruleset("other.nft") == ("other.nft",)
    (tmp_path / "default").write_text("")
    assert _ruleset("default") == ("default",)


def test_allowed_kinds():
    """Another rule with the same verdict is, unless the same rules are asked for."""

    def allowed(same_rules, *allow):
        return _allowed(DiffOptions((), (), (), (), allow, same_rules, "text", None, (), 3, False, False, "never"))

    assert allowed(False) == {Kind.OTHER_RULE}
    assert allowed(True) == set()
    assert allowed(True, "newly-blocked") == {Kind.NEWLY_BLOCKED}
