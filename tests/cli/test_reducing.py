"""What ``reduce`` checks and writes; ``test_reduce.py`` sees the rest from outside."""

from __future__ import annotations

import pytest
from checkout import ROOT
from engine_defaults import engine_defaults

from pcapaudit.capture.write import Frame
from pcapaudit.cli.reduce import ReduceOptions
from pcapaudit.cli.reducing import _checked, _sides, _write
from pcapaudit.cli.trials import Cut, read_cut
from pcapaudit.core.errors import OutputError

DEFAULTS = {
    "keep": None,
    "against": (),
    "output": "x",
    "anonymize": True,
    "key": None,
    "keep_payload": False,
    "max_trials": 1,
    "quiet": True,
}


def options(**changes):
    """Options of the command."""
    return ReduceOptions(**{**DEFAULTS, **changes})


def test_key_is_given_or_random():
    """Two runs without a key cannot be joined."""
    assert _checked(["a"], options(key="00ff")) == b"\x00\xff"
    assert _checked(["a"], options()) != _checked(["a"], options())


def test_second_side_has_the_other_ruleset(tmp_path, monkeypatch):
    """``default`` is the built-in one, unless there is a file of that name; the seed is fixed."""
    monkeypatch.chdir(tmp_path)
    engine = engine_defaults("--rules", "a.nft")
    assert [side.rules for side in _sides(engine, options(against=("b.nft",)))] == [("a.nft",), ("b.nft",)]
    assert [side.rules for side in _sides(engine, options(against=("default",)))] == [("a.nft",), ()]
    (tmp_path / "default").write_text("")
    assert _sides(engine, options(against=("default",)))[1].rules == ("default",)
    assert [side.seed for side in _sides(engine, options())] == [0]


def test_name_decides_the_format(tmp_path):
    """pcap holds one link type."""
    cut = read_cut([str(ROOT / "captures" / "web.pcap")], {0})
    for name, magic in (("a.pcap", "4d3cb2a1"), ("a.pcapng", "0a0d0d0a"), ("a", "0a0d0d0a")):
        _write(tmp_path / name, cut)
        assert (tmp_path / name).read_bytes()[:4].hex() == magic
    two = Cut(((1, ""), (101, "")), {0: Frame(0, b"", interface=0), 1: Frame(0, b"", interface=1)})
    with pytest.raises(OutputError, match="pcap holds one link type, the frames have 1, 101: write pcapng"):
        _write(tmp_path / "b.pcap", two)
    assert not (tmp_path / "b.pcap").exists()
