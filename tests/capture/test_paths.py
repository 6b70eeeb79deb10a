"""What the words on a command line mean."""

from __future__ import annotations

import pytest

from pcapaudit.capture.paths import Candidate, expand
from pcapaudit.core.errors import CaptureError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """b, a, .hidden and sub/c in the working directory."""
    (tmp_path / "sub").mkdir()
    for name in ("b", "a", ".hidden", "sub/c", "[x].pcap"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["b", "a"], ["b", "a"]),
        (["-"], ["-"]),
        (["missing"], ["missing"]),
        (["[ab]"], ["a", "b"]),
        (["s*"], ["sub/c"]),
        (["[x].pcap"], ["[x].pcap"]),
        (["sub", "a"], ["sub/c", "a"]),
        (["."], ["./[x].pcap", "./a", "./b"]),
    ],
)
def test_words(words, paths):
    """Files in their order, folders and patterns by name; what is not there is left to whoever opens it."""
    warnings = []
    assert [each.path for each in expand(words, warnings)] == paths
    assert warnings == []


def test_found_in_a_folder():
    """Only what a person did not name may be passed over."""
    assert expand(["sub", "a"], []) == [Candidate("sub/c", found=True), Candidate("a", found=False)]


def test_named_twice():
    """A file counts once."""
    warnings = []
    assert [each.path for each in expand(["a", "./a", "-", "-"], warnings)] == ["a", "-"]
    assert warnings == ["./a: named twice, read once.", "-: named twice, read once."]


@pytest.mark.parametrize(("words", "message"), [(["x*"], "no file of such a name"), ([], "no capture"), (["sub/d*"], "x")])
def test_nothing(words, message, tmp_path):
    """Nothing to read is an error."""
    (tmp_path / "sub" / "dir").mkdir()
    with pytest.raises(CaptureError, match=message if words != ["sub/d*"] else "a folder without files"):
        expand(words, [])
