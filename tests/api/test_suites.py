"""Finding and running suites; what is wrong with one stops no other."""

from __future__ import annotations

import pytest
from suite_texts import HEAD, outcomes, write

from pcapaudit.api.suites import chosen, find_suites, load_suites, run_suite, unused_baselines
from pcapaudit.core.errors import ConfigError

ANY = "expect: [{flow: '*'}]\n"


def test_found_below_folders(tmp_path):
    """Sorted, each once, none in hidden folders."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    one, two = write(tmp_path, ANY, "z.audit.yaml"), write(tmp_path / "b", ANY, "a.audit.yaml")
    write(tmp_path / ".git", ANY)
    (tmp_path / "x.yaml").write_text("")
    assert find_suites([str(tmp_path), str(one)]) == [two, one]


def test_nothing_found(tmp_path):
    """It says what to do."""
    with pytest.raises(ConfigError, match=r"holds no suite: .*pcapaudit init"):
        find_suites([str(tmp_path)])
    with pytest.raises(ConfigError, match="there is no such file"):
        find_suites([str(tmp_path / "nowhere")])


SUITES = [
    ("capture: nowhere.pcap\n" + ANY, ":1: ", "nowhere.pcap: found an error"),
    (HEAD + "profile: lunix\n" + ANY, ":3: ", "--profile lunix: expected one of"),
    (HEAD + "timeout: {udp.steam: 5m}\n" + ANY, ":3: ", "udp.steam"),
    (HEAD + "mode: dunno\n" + ANY, ":3: ", "expected one of what-if, observed"),
    (HEAD + "strict: maybe\n" + ANY, ":3: ", "expected true or false"),
    (HEAD + "seed: -1\n" + ANY, ":3: ", "expected a number that is not negative"),
    (HEAD + "path: [auto, input]\n" + ANY, ":3: ", "expected one value"),
    (HEAD.replace("office.policy.toml", "nowhere.nft") + ANY, ":2: ", "cannot read the ruleset"),
]


@pytest.mark.parametrize(("text", "place", "message"), SUITES, ids=[each[2] for each in SUITES])
def test_suite_that_cannot_run_stops_no_other(tmp_path, text, place, message):
    """An error at the line of what caused it."""
    wrong, right = outcomes(tmp_path, f"{text}---\n{HEAD}{ANY}", head="")
    assert wrong.status == "error"
    assert place in wrong.lines[0]
    assert message in "\n".join(wrong.lines)
    assert right.status == "passed"


def test_file_that_cannot_be_read(tmp_path):
    """Bytes that are no text, and a file that is gone."""
    path = tmp_path / "x.audit.yaml"
    path.write_bytes(b"capture: \xff\n")
    for message in ("byte 9 is not UTF-8", "cannot be read"):
        suites, lines = load_suites(path)
        (found,) = run_suite(suites[0], lines).outcomes
        assert (found.status, message in found.lines[0]) == ("error", True)
        path.unlink(missing_ok=True)


def test_paths_are_relative_to_the_suite(tmp_path):
    """Whatever the working directory."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "fw.nft").write_text("table inet f { chain forward { type filter hook forward priority 0; policy accept; } }\n")
    path = write(tmp_path / "deep", "rules: ../fw.nft\nexpect: [{flow: '*', rule: 'fw.nft:1'}]\n", head=HEAD.splitlines(keepends=True)[0])
    suites, lines = load_suites(path)
    assert [each.status for each in run_suite(suites[0], lines).outcomes] == ["passed"]


def test_baselines(tmp_path):
    """Missing, written, changed, foreign."""
    text = "baseline: x.baseline.txt\n"
    (found,) = outcomes(tmp_path, text)
    assert found.status == "failed"
    assert "--update" in found.lines[0]
    outcomes(tmp_path, text, update=True)
    path = tmp_path / "x.baseline.txt"
    path.write_text(path.read_text().replace("frames 244", "frames 243"))
    (found,) = outcomes(tmp_path, text)
    assert found.lines[1:] == ("  -frames 243", "  +frames 244")
    path.write_text("my diary\n")
    (found,) = outcomes(tmp_path, text, update=True)
    assert found.status == "error"
    assert path.read_text() == "my diary\n"


def test_unused_baselines(tmp_path):
    """Those that no suite names."""
    path = write(tmp_path, "baseline: x.baseline.txt\n")
    for name in ("x.baseline.txt", "y.baseline.txt"):
        (tmp_path / name).write_text("")
    suites, _ = load_suites(path)
    assert unused_baselines([str(tmp_path)], suites) == [str(tmp_path / "y.baseline.txt")]


def test_watcher_sees_the_run(tmp_path):
    """A consumer of the caller's own counts along."""
    seen = []

    class Watcher:
        def __init__(self, context):
            self.context = context

        def on_batch(self, batch, verdicts):
            seen.append(batch.count)

        def on_flows(self, rows):
            pass

        def on_end(self):
            pass

    suites, lines = load_suites(write(tmp_path, ANY))
    run_suite(suites[0], lines, watchers=lambda context: [Watcher(context)])
    assert sum(seen) == 244


def test_chosen(tmp_path):
    """By path, name of the suite, or name of one of its tests; a suite that cannot be read is a test named suite."""
    path = tmp_path / "a.audit.yaml"
    path.write_text("name: web\ncapture: c.pcap\nexpect:\n- {flow: '*', name: one}\n- {flow: '*', name: two}\nbaseline: b.baseline.txt\n")
    ((suite,), _) = load_suites(path)

    def names(*words):
        found = chosen(suite, words)
        return found and ([each.name for each in found.expectations], found.baseline is not None)

    assert names() == names("web") == names("a.audit") == (["one", "two"], True)
    assert names("two") == (["two"], False)
    assert names("baseline") == ([], True)
    assert names("three") is None
    path.write_text("capture: c.pcap\nbogus: 1\n")
    ((broken,), _) = load_suites(path)
    assert chosen(broken, ["suite"]) is broken
    assert chosen(broken, ["zzz"]) is None
