"""The work behind the audit command: what is printed where, which files appear, and what is left when a run does not end well."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest
from checkout import ROOT

from pcapaudit.cli.exits import Exit
from pcapaudit.cli.main import run
from pcapaudit.report.summary import SEVERITIES

OFFICE = "captures/office.pcapng"
WEB = "captures/web.pcap"
TABLES = ("verdicts", "flows", "violations")


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")


def names(folder):
    """What lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def start(*arguments, **options):
    """A child process that audits, its output in pipes."""
    command = [sys.executable, "-m", "pcapaudit", "audit", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, **options)


# Output ----------------------------------------------------------------------------------------------------------------------------


def test_summary_goes_to_stdout_and_notes_to_stderr(capsys):
    """So that a pipe gets the summary alone; no blanks at the ends of lines, no colours."""
    assert run(["audit", OFFICE]) == Exit.FOUND
    out, err = capsys.readouterr()
    assert out.startswith(f"Capture   {OFFICE} (pcapng)\n")
    assert "\nFindings\n" in out
    assert re.fullmatch(r"pcapaudit: 244 frames in \d+\.\d\d s: [\d ]+ packets/s\n", err)
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


def test_policy_file_over_the_office(capsys):
    """Everybody's web and names pass, the scan's telnet and remote desktop meet the rule that denies them."""
    run(["audit", OFFICE, "--rules", "rulesets/office.policy.toml", "--summary", "json"])
    summary = json.loads(capsys.readouterr().out)
    hits = {each["text"].partition(" comment ")[0].rpartition("oifname ")[2]: each["packets"] for each in summary["rules"]}
    assert hits['"lan0" tcp dport { 23, 445, 3389 } log prefix "internet to office deny: " drop'] == 6
    assert hits['"wan0" udp dport { 53, 123, 443 } accept'] >= 2


def test_plain_summary_is_the_same_everywhere(capsys, monkeypatch):
    """Width and colour wishes of the environment are for terminals."""
    run(["audit", WEB])
    first = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    run(["audit", WEB])
    assert capsys.readouterr().out == first


def test_colour_always(capsys):
    """For a pager; the words stay the same."""
    run(["audit", WEB, "--color", "never"])
    plain = capsys.readouterr().out
    run(["audit", WEB, "--color", "always"])
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == plain.split()


def test_json_summary_is_the_file(capsys, tmp_path):
    """stdout holds one JSON document, the one of summary.json."""
    assert run(["audit", OFFICE, "--summary", "json", "-o", str(tmp_path)]) == Exit.FOUND
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((tmp_path / "summary.json").read_text())
    assert err.startswith("pcapaudit: wrote ")


def test_findings_are_ranked(capsys):
    """Worst first; of two as bad the more frequent."""
    run(["audit", OFFICE, "--summary", "json"])
    found = json.loads(capsys.readouterr().out)["violations"]["found"]
    ranks = [(SEVERITIES.index(each["severity"]), -each["count"]) for each in found]
    assert ranks == sorted(ranks)
    assert len({rank for rank, _ in ranks}) > 1


def test_quiet_says_nothing(capsys, tmp_path):
    """Files and exit code only."""
    assert run(["audit", "-q", OFFICE, "-o", str(tmp_path)]) == Exit.FOUND
    assert capsys.readouterr() == ("", "")
    assert names(tmp_path) == ["flows.csv", "summary.json", "verdicts.csv", "violations.csv"]


def test_standard_input(tmp_path):
    """As any file."""
    child = start("-q", "--summary", "json", "-o", str(tmp_path), "-", stdin=subprocess.PIPE)
    _, err = child.communicate((ROOT / WEB).read_bytes())
    assert (child.returncode, err) == (Exit.CLEAN, b"")
    assert json.loads((tmp_path / "summary.json").read_text())["packets"]["total"] == 32


def test_seed_is_random_unless_given(monkeypatch):
    """A key that an attacker cannot know; with --seed the one that was given."""
    from pcapaudit.api import replaying

    seeds = []
    real = replaying.run
    monkeypatch.setattr(replaying, "run", lambda context, consumers, seed, *_: seeds.append(seed) or real(context, consumers, seed))
    for options in ([], [], ["--seed", "7"]):
        run(["audit", "-q", WEB, *options])
    assert seeds[0] != seeds[1]
    assert seeds[2] == 7


# Files -----------------------------------------------------------------------------------------------------------------------------


def test_every_format_holds_the_same_rows(tmp_path):
    """Asked for together."""
    run(["audit", OFFICE, "-o", str(tmp_path), "--format", "csv", "--format", "jsonl", "--format", "parquet"])
    assert names(tmp_path) == sorted([*(f"{table}.{end}" for table in TABLES for end in ("csv", "jsonl", "parquet")), "summary.json"])
    for table in TABLES:
        with (tmp_path / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        lines = (tmp_path / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(rows) == len(lines) == pyarrow.parquet.read_metadata(tmp_path / f"{table}.parquet").num_rows
        assert set(rows[0]) >= set(json.loads(lines[0]))


def test_written_files_are_named(tmp_path, capsys):
    """On stderr, each with its path."""
    run(["audit", WEB, "-o", str(tmp_path / "new" / "folder")])
    note = capsys.readouterr().err.splitlines()[0]
    assert re.findall(r"[\w.]+(?=,|$)", note) == ["verdicts.csv", "flows.csv", "violations.csv", "summary.json"]
    assert note.count(str(tmp_path / "new" / "folder")) == 4


def test_results_replace_older_ones(tmp_path):
    """And leave alone what is not theirs."""
    for name in ("verdicts.csv", "notes.txt"):
        (tmp_path / name).write_text("old\n")
    run(["audit", "-q", WEB, "-o", str(tmp_path)])
    assert len((tmp_path / "verdicts.csv").read_text().splitlines()) == 33
    assert (tmp_path / "notes.txt").read_text() == "old\n"


@pytest.mark.parametrize(
    ("place", "message"),
    [("/proc/pcapaudit", "cannot make the directory"), ("file", "is a file"), ("file/below", "cannot make the directory")],
)
def test_folder_that_cannot_be_written(place, message, tmp_path, capsys):
    """Is found before the captures are read; exit code 2, one line."""
    (tmp_path / "file").write_text("")
    assert run(["audit", WEB, "-o", str(tmp_path / place)]) == Exit.FAILED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


# Runs that do not end well ---------------------------------------------------------------------------------------------------------


def test_capture_that_breaks_leaves_no_files(tmp_path, capsys):
    """With --strict the cut is an error, found when the frames before it are written."""
    assert run(["audit", "captures/cut-off.pcap", "--strict", "-o", str(tmp_path)]) == Exit.FAILED
    assert "cut-off.pcap: offset" in capsys.readouterr().err
    assert names(tmp_path) == []


def _listen():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupt_leaves_no_files(tmp_path):
    """Ctrl-C in the middle: exit code 130, one line, older results untouched."""
    (tmp_path / "flows.csv").write_text("old\n")
    # A shell starts what runs in the background deaf to Ctrl-C, and so would be the child of a test that runs there.
    child = start("--summary", "json", "-o", str(tmp_path), "-", stdin=subprocess.PIPE, preexec_fn=_listen)
    child.stdin.write((ROOT / WEB).read_bytes()[:500])
    child.stdin.flush()
    deadline = time.monotonic() + 60
    while not any(name.endswith(".part") for name in names(tmp_path)):
        assert time.monotonic() < deadline
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (Exit.INTERRUPTED, b"")
    assert err == b"pcapaudit: interrupted: nothing was written\n"
    assert names(tmp_path) == ["flows.csv"]
    assert (tmp_path / "flows.csv").read_text() == "old\n"


@pytest.mark.parametrize("form", ["text", "json"])
def test_reader_goes_away(form):
    """``| head``: no traceback, the exit code of a program that SIGPIPE ended."""
    child = start("--summary", form, OFFICE)
    child.stdout.close()
    err = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait() == Exit.READER_GONE
    assert [line for line in err.splitlines() if not re.fullmatch(r"pcapaudit: [\d ]+ frames in .*", line)] == []


def test_file_that_grows_too_large(tmp_path):
    """A write that fails in the middle of the run: which file, why, and nothing is left."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    child = start("-o", str(tmp_path), OFFICE, preexec_fn=limit, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    out, err = child.communicate()
    assert (child.returncode, out) == (Exit.FAILED, b"")
    assert re.fullmatch(rb"pcapaudit: \S+/verdicts\.csv: cannot write: File too large\n", err)
    assert names(tmp_path) == []


def test_full_disk(tmp_path):
    """A file system of 16 KiB: the same."""
    mount = ["unshare", "-m", "sh", "-c"]
    script = 'mount -t tmpfs -o size=16k none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    tried = (
        shutil.which("unshare")
        and subprocess.run([*mount, script, str(tmp_path), "true"], capture_output=True, check=False).returncode == 0
    )
    if not tried:
        pytest.skip("build: no tmpfs can be mounted here")
    command = [sys.executable, "-m", "pcapaudit", "audit", "-o", str(tmp_path), OFFICE]
    done = subprocess.run([*mount, script, str(tmp_path), *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (Exit.FAILED, "")
    assert re.fullmatch(r"pcapaudit: \S+/verdicts\.csv: cannot write: No space left on device\n", done.stderr)
