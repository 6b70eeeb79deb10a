"""Profiles: every file is whole, and a broken one names its fault."""

from importlib.resources import files

import pytest

from pcapaudit.conntrack.profile import PROFILES, parse_profile
from pcapaudit.core.errors import ConfigError

FOLDER = files("pcapaudit.conntrack") / "profiles"


@pytest.mark.parametrize("name", PROFILES[1:])
def test_profile_is_whole(name):
    """Each profile names its numbers, each with a source, and says what it cannot express."""
    profile = parse_profile(name, (FOLDER / f"{name}.toml").read_text())
    assert profile.timeouts
    assert all(setting.value > 0 and setting.source for setting in profile.timeouts)
    assert len({setting.name for setting in profile.timeouts}) == len(profile.timeouts)
    assert profile.cannot


def test_list_equals_the_folder():
    """No profile without a file, no file without a name in the list."""
    assert sorted(each.name.removesuffix(".toml") for each in FOLDER.iterdir()) == sorted(PROFILES[1:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = 3", "title is missing"),
        ("title = 'a'\nsummary = 'b'\ncolour = 1", "unknown key 'colour'"),
        ("title = 'a'\nsummary = 'b'\n[timeouts]\nudp = 3", "expected udp = { seconds = N"),
        ("title = 'a'\nsummary = 'b'\n[timeouts]\nudp = { seconds = -3, source = 'x' }", "a whole number and a source"),
        ("title = 'a'\nsummary = 'b'\n[timeouts]\nudp = { seconds = 3 }", "expected udp"),
        ("title = 'a'\nsummary = 'b'\n[[cannot]]\nwhy = 'x'", r"\[\[cannot\]\]"),
        ("title", "expected TOML"),
    ],
)
def test_broken_profile_names_its_fault(text, words):
    """Each error names the profile and the key."""
    with pytest.raises(ConfigError, match=f"profile broken: .*{words}"):
        parse_profile("broken", text)
