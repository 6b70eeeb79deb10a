"""``pcapaudit test`` as a person runs it."""

from __future__ import annotations

import json

import pytest
from suite_texts import write

from pcapaudit.cli.main import run

GOOD = "expect: [{flow: '*'}]\n"
BAD = "expect: [{flow: '*', count: 0}, {flow: '*'}]\n"


def test_all_pass(tmp_path, capsys, monkeypatch):
    """The working directory is the default."""
    write(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    assert run(["test"]) == 0
    assert capsys.readouterr().out == "1 test in 1 suite: 1 passed\n"


@pytest.mark.parametrize(("text", "code"), [(BAD, 1), (BAD + "bogus: 1\n", 2)])
def test_exit_codes(tmp_path, text, code):
    """1: failed; 2: could not be run."""
    assert run(["test", "-q", str(write(tmp_path, text))]) == code


def test_update_and_unused(tmp_path, capsys):
    """Baselines are written, and those that nobody names are reported."""
    write(tmp_path, "baseline: a.baseline.txt\n")
    (tmp_path / "b.baseline.txt").write_text("")
    assert run(["test", str(tmp_path)]) == 1
    assert run(["test", "--update", str(tmp_path)]) == 0
    assert f"updated {tmp_path / 'a.baseline.txt'}\nunused baseline {tmp_path / 'b.baseline.txt'}" in capsys.readouterr().out
    assert run(["test", str(tmp_path)]) == 0


def test_keyword(tmp_path, capsys):
    """By path or name; nothing at all is an error."""
    write(tmp_path, "name: office\n" + GOOD, "a.audit.yaml")
    write(tmp_path, BAD, "b.audit.yaml")
    assert run(["test", "-k", "office", str(tmp_path)]) == 0
    assert run(["test", "-k", "zzz", str(tmp_path)]) == 2
    assert "no path, suite or test of 2 suites" in capsys.readouterr().err


def test_keyword_picks_single_tests(tmp_path, capsys):
    """One expectation of several; the failing one is not looked at, and no baseline is written that was not chosen."""
    text = "expect:\n- {flow: 'proto tcp', name: pages}\n- {flow: '*', count: 0, name: nothing}\nbaseline: a.baseline.txt\n"
    write(tmp_path, text)
    assert run(["test", "-k", "pages", "--update", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 test in 1 suite: 1 passed\n"
    assert not (tmp_path / "a.baseline.txt").exists()
    assert run(["test", "-k", "nothing", str(tmp_path)]) == 1
    assert run(["test", "-k", "baseline", "--update", "-q", str(tmp_path)]) == 0
    assert (tmp_path / "a.baseline.txt").exists()


def test_json(tmp_path, capsys):
    """For machines, with frame and rule."""
    assert run(["test", "--format", "json", str(write(tmp_path, BAD))]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"passed": 1, "failed": 1, "error": 0}
    assert found["tests"][0]["frame"] == 3
    assert found["tests"][0]["rule_at"].endswith("office.policy.toml:21")


def test_same_input_same_bytes(tmp_path, capsys):
    """Twice."""
    path = str(write(tmp_path, BAD))
    outputs = []
    for _ in range(2):
        run(["test", path])
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
