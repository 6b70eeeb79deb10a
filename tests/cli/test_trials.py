"""Runs over parts of a capture."""

from __future__ import annotations

import io

import pytest
from checkout import ROOT
from engine_defaults import engine_defaults

from pcapaudit.cli import trials
from pcapaudit.cli.trials import Cut, Trials, read_cut, write_pcapng
from pcapaudit.core.consts import DIR_REPLY
from pcapaudit.core.errors import ConfigError
from pcapaudit.regress.keep import parse_keep, target_of

TWO = str(ROOT / "captures" / "two-interfaces.pcapng")
WEB = str(ROOT / "captures" / "web.pcap")


@pytest.fixture
def engine(tmp_path):
    """Trials with the built-in ruleset."""
    return Trials((engine_defaults("--seed", "1"),), tmp_path / "trial.pcapng")


def test_part_has_the_interfaces_that_it_needs(tmp_path):
    """Numbered anew, with their names; frames stay as they are."""
    whole = read_cut([TWO], None)
    last = max(whole.frames, key=lambda number: whole.frames[number].interface)
    path = tmp_path / "part.pcapng"
    with path.open("wb") as file:
        write_pcapng(file, whole, [last])
    part = read_cut([str(path)], None)
    assert part.interfaces == (whole.interfaces[whole.frames[last].interface],)
    assert (part.frames[0].data, part.frames[0].ts_ns) == (whole.frames[last].data, whole.frames[last].ts_ns)


def test_frames_are_read_by_number():
    """From 0, through the whole stream."""
    whole = read_cut([WEB], None)
    some = read_cut([WEB], {3, 5})
    assert list(some.frames) == [3, 5]
    assert some.frames[5] == whole.frames[5]


def test_too_many_frames_are_refused(monkeypatch):
    """They are held in memory."""
    monkeypatch.setattr(trials, "MOST_FRAMES", 10)
    with pytest.raises(ConfigError, match="more than 10 frames would have to be held in memory"):
        read_cut([WEB], None)


def test_run_over_all_frames_is_the_run_over_the_file(engine):
    """The part that is everything."""
    whole = engine.run([WEB], findings=True)
    again = engine.over(read_cut([WEB], None), range(whole.frames()), findings=True)
    assert again.findings == whole.findings
    for name, column in whole.records[0].columns.items():
        assert column.tolist() == again.records[0].columns[name].tolist()


def test_reduced_frames_show_the_target(engine):
    """The SYN-ACK needs its SYN."""
    whole = engine.run([WEB], findings=False)
    reply = next(i for i in range(whole.frames()) if whole.records[0].columns["direction"][i] == DIR_REPLY)
    target = target_of(parse_keep(f"frame {reply + 1}"), whole)
    found = engine.reduce([WEB], whole, target, 100)
    assert found.minimal
    assert len(found.frames) == 2
    assert found.frames[-1] == reply


def test_nothing_is_found_without_trials(engine):
    """The first try is one, too."""
    whole = engine.run([WEB], findings=False)
    assert engine.reduce([WEB], whole, target_of(parse_keep("frame 5"), whole), 0) is None


def test_empty_part_is_a_capture(tmp_path):
    """Of no frame."""
    file = io.BytesIO()
    write_pcapng(file, Cut((), {}), [])
    (tmp_path / "empty.pcapng").write_bytes(file.getvalue())
    assert read_cut([str(tmp_path / "empty.pcapng")], None).frames == {}
