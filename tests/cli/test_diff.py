"""``pcapaudit diff`` from outside."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command, python

from pcapaudit.cli.diff import KINDS
from pcapaudit.regress.changes import Kind

OFFICE = str(ROOT / "captures" / "office.pcapng")
WEB = str(ROOT / "captures" / "web.pcap")
IDLE = str(ROOT / "captures" / "idle-udp.pcap")

NEW = """table inet pcapaudit {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state invalid counter drop comment "fits no connection"
    ct state established,related counter accept comment "belongs to a connection"
    iifname "inside" tcp dport { 443, 8080 } counter accept
  }
}
"""


@pytest.fixture
def new(tmp_path):
    """A ruleset that lets the inside open fewer connections than the built-in one."""
    path = tmp_path / "new.nft"
    path.write_text(NEW)
    return str(path)


def test_kinds_are_those_of_the_comparison():
    """The command may not import it to say so."""
    assert [kind.code for kind in Kind] == list(KINDS)


def test_web_is_blocked(new):
    """Known by hand: both connections of web.pcap go to port 80; the other two of its 32 frames are ARP."""
    done = pcapaudit_command("diff", "default", new, WEB, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    record = json.loads(done.stdout)
    assert record["packets"]["by_kind"] == {"newly-blocked": 30, "newly-allowed": 0, "reason-changed": 0, "other-rule": 0}
    (change,) = record["changes"]
    assert (change["flows"], change["flows_whole"], change["consequences"], change["first_frame"]) == (2, 2, 28, 3)
    assert change["old"]["at"] == "rulesets/default.nft:21"
    assert change["new"]["at"] == f"{new}:3"


def test_mirror(new):
    """NEW against OLD: the same packets, newly allowed."""
    there, back = (
        json.loads(pcapaudit_command("diff", *pair, OFFICE, "--format", "json").stdout) for pair in (("default", new), (new, "default"))
    )
    kinds = there["packets"]["by_kind"], back["packets"]["by_kind"]
    assert kinds[0]["newly-blocked"] == kinds[1]["newly-allowed"] > 0
    assert [each["packets"] for each in there["changes"]] == [each["packets"] for each in back["changes"]]


def test_nothing_changes():
    """The same ruleset: exit code 0."""
    done = pcapaudit_command("diff", "default", str(ROOT / "rulesets" / "default.nft"), OFFICE)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Nothing changed in 244 packets.")


def test_settings():
    """Known by hand: in idle-udp.pcap the outside speaks first after pauses of 60, 110 and 150 s. Linux forgets a UDP stream after 120 s,
    so the third is lost on both sides; with 50 s the first two (frames 10 and 17) are lost as well, and the answer from inside (frame
    11) opens a new connection."""
    done = pcapaudit_command("diff", "default", "default", IDLE, "--new-timeout", "udp.stream=50", "--format", "json")
    record = json.loads(done.stdout)
    assert record["new"]["settings"] == ["udp.stream=50"]
    assert record["old"]["settings"] == []
    assert record["packets"]["by_kind"] == {"newly-blocked": 2, "newly-allowed": 0, "reason-changed": 0, "other-rule": 1}
    (change,) = record["changes"]
    assert (change["first_frame"], change["last_frame"], change["flows_part"]) == (10, 17, 1)
    assert (change["old"]["ct_state"], change["new"]["ct_state"]) == ("established", "new")
    same = ["--old-timeout", "udp.stream=50", "--new-sysctl", "nf_conntrack_udp_timeout_stream=50"]
    assert pcapaudit_command("diff", "default", "default", IDLE, *same).returncode == 0


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_saved_run(form, new, tmp_path):
    """In place of its ruleset: nothing changes, and against another ruleset the same does."""
    assert pcapaudit_command("audit", OFFICE, "-q", "-o", str(tmp_path / "run"), "--format", form, "--fail-on", "never").returncode == 0
    for pair in ((str(tmp_path / "run"), "default"), ("default", str(tmp_path / "run" / f"verdicts.{form}"))):
        assert pcapaudit_command("diff", *pair, OFFICE, "--same-rules").returncode == 0
    saved, ruled = (
        json.loads(pcapaudit_command("diff", old, new, OFFICE, "--format", "json").stdout) for old in (str(tmp_path / "run"), "default")
    )
    assert saved["old"] == {"kind": "saved-run", "path": str(tmp_path / "run"), "settings": []}
    assert saved["changes"] == ruled["changes"]
    done = pcapaudit_command("diff", str(tmp_path / "run"), "default", OFFICE, "--old-timeout", "icmp=1")
    assert (done.returncode, "cannot change it" in done.stderr) == (2, True)


def test_allowed_changes_are_no_failure(new):
    """--allow, for each kind that occurs."""
    assert pcapaudit_command("diff", "default", new, WEB, "--allow", "newly-allowed").returncode == 1
    done = pcapaudit_command("diff", "default", new, WEB, "--allow", "newly-blocked")
    assert done.returncode == 0
    assert done.stdout.endswith("All of that is allowed.\n")


def test_other_rule_fails_on_request(tmp_path):
    """The same verdicts by a rule with other words."""
    path = tmp_path / "new.nft"
    path.write_text(
        (ROOT / "rulesets" / "default.nft").read_text().replace('iifname "inside" counter', 'iifname "inside" ip ttl > 0 counter')
    )
    assert pcapaudit_command("diff", "default", str(path), WEB).returncode == 0
    assert pcapaudit_command("diff", "default", str(path), WEB, "--same-rules").returncode == 1
    assert pcapaudit_command("diff", "default", str(path), WEB, "--same-rules", "--allow", "other-rule").returncode == 0


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_report_in_a_file_is_the_report_on_stdout(form, new, tmp_path):
    """The same bytes, twice."""
    out = tmp_path / "report"
    shown = pcapaudit_command("diff", "default", new, OFFICE, "--format", form)
    done = pcapaudit_command("diff", "default", new, OFFICE, "--format", form, "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"pcapaudit: wrote {out}\n")
    assert out.read_text() == shown.stdout
    assert list(tmp_path.glob(".*")) == []


def test_quiet(new):
    """Only the exit code."""
    done = pcapaudit_command("diff", "default", new, WEB, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_max_examples(new):
    """None at all."""
    record = json.loads(pcapaudit_command("diff", "default", new, WEB, "--format", "json", "--max-examples", "0").stdout)
    assert record["changes"][0]["examples"] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["default", "no.nft", WEB], "no.nft: cannot read the ruleset"),
        (["default", "default", "no.pcap"], "no.pcap"),
        (["default", "default", WEB, "--new-timeout", "bogus=1"], "no time-out is called 'bogus'"),
        (["default", "default", WEB, "-o", "no/such/place"], "cannot write"),
        (["default", "default"], "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2(arguments, text):
    """And one line says why."""
    done = pcapaudit_command("diff", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_help_loads_nothing_heavy():
    """--help pays for click alone."""
    script = (
        "import sys; from pcapaudit.cli.main import run; run(['diff', '--help']);"
        "print(sorted({'numpy', 'rich', 'lark', 'dpkt'} & set(sys.modules)), file=sys.stderr)"
    )
    assert python("-c", script).stderr.strip() == "[]"


def test_profiles_and_topologies_of_the_sides(tmp_path):
    """The same rules under another filter's time-outs, and with another idea of what is inside."""
    textbook = json.loads(pcapaudit_command("diff", "default", "default", IDLE, "--new-profile", "textbook", "--format", "json").stdout)
    assert textbook["new"]["settings"] == ["profile=textbook"]
    assert textbook["packets"]["by_kind"]["newly-blocked"] + textbook["packets"]["by_kind"]["newly-allowed"] > 0
    topology = tmp_path / "t.toml"
    topology.write_text('[zones.inside]\nprefixes = ["203.0.113.0/24"]\ninside = true\n[zones.outside]\nprefixes = ["0.0.0.0/0"]\n')
    done = pcapaudit_command("diff", "default", "default", WEB, "--new-topology", str(topology), "--format", "json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["packets"]["by_kind"]["newly-blocked"] == 30
