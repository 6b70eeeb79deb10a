"""Putting a comparison together."""

from engine_defaults import engine_defaults

from pcapaudit.cli.diff import DiffOptions
from pcapaudit.cli.diffing import Extra, _allowed, _ruleset
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
        return _allowed(DiffOptions((), (), (), (), None, None, None, None, allow, same_rules, "text", None, (), 3, False, False, "never"))

    assert allowed(False) == {Kind.OTHER_RULE}
    assert allowed(True) == set()
    assert allowed(True, "newly-blocked") == {Kind.NEWLY_BLOCKED}


def test_settings_of_one_side_lie_over_those_of_both():
    """A topology file takes the place of all that the options say of networks."""
    engine = engine_defaults("--timeout", "icmp=5", "--local", "10.0.0.0/8", "--profile", "rfc")
    assert Extra().applied(engine) == engine
    made = Extra(("udp.stream=9",), (), "textbook", "t.toml").applied(engine)
    assert (made.timeout, made.profile, made.topology, made.local) == (("icmp=5", "udp.stream=9"), "textbook", "t.toml", ())
    assert Extra(("a=1",), ("b=2",), "rfc", "t.toml").texts == ("a=1", "b=2", "profile=rfc", "topology=t.toml")
