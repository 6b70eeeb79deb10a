"""Checking and converting rulesets on the command line."""

from __future__ import annotations

import json

from checkout import ROOT
from interpreter import pcapaudit_command

from pcapaudit.rules import load_ruleset, parse_ruleset

SAVED = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -m owner --uid-owner 5 -j ACCEPT\nCOMMIT\n"

LINTED = """table inet t {
	chain c {
		type filter hook input priority 0;
		meta l4proto tcp accept
		tcp dport 22 drop
	}
}
"""


def test_check_counts_and_notes(tmp_path):
    """What is in the file."""
    (tmp_path / "rules.v4").write_text(SAVED)
    done = pcapaudit_command("rules", "check", str(tmp_path / "rules.v4"))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "1 tables, 1 chains, 2 rules"
    assert "no chain of the ruleset sees IPv6 packets" in done.stdout


def test_convert_prints_nftables(tmp_path):
    """One file."""
    (tmp_path / "rules.v4").write_text(SAVED)
    done = pcapaudit_command("rules", "convert", str(tmp_path / "rules.v4"))
    assert done.returncode == 0
    assert "meta l4proto tcp tcp dport 22 accept" in done.stdout


def test_wrong_ruleset_is_exit_code_two(tmp_path):
    """With file, line and column."""
    (tmp_path / "rules.v4").write_text(SAVED.replace("ACCEPT\nCOMMIT", "ACEPT\nCOMMIT"))
    done = pcapaudit_command("rules", "check", str(tmp_path / "rules.v4"))
    assert done.returncode == 2
    assert "rules.v4:4:" in done.stderr
    assert 'did you mean "ACCEPT"?' in done.stderr


def test_lints_make_exit_code_one(tmp_path):
    """At or above --fail-on, which is medium."""
    (tmp_path / "x.nft").write_text(LINTED)
    assert pcapaudit_command("rules", "check", str(tmp_path / "x.nft")).returncode == 1
    assert pcapaudit_command("rules", "check", "--fail-on", "high", str(tmp_path / "x.nft")).returncode == 0


def test_json_tells_errors_too(tmp_path):
    """One object on stdout, whether the ruleset can be used or not."""
    (tmp_path / "x.nft").write_text(LINTED.replace("drop", "drup"))
    done = pcapaudit_command("rules", "check", "--format", "json", str(tmp_path / "x.nft"))
    assert done.returncode == 2
    (error,) = json.loads(done.stdout)["errors"]
    assert (error["line"], error["column"], error["advice"]) == (5, 16, 'did you mean "drop"?')


def test_forms_for_ci_servers(tmp_path):
    """As of audit and diff."""
    (tmp_path / "x.nft").write_text(LINTED)
    done = pcapaudit_command("rules", "check", "--report", "concise", str(tmp_path / "x.nft"))
    assert done.returncode == 1
    assert "x.nft:5: shadowed-rule medium" in done.stdout


def test_policy_is_checked_with_its_own_zones():
    """Its interfaces are no news."""
    done = pcapaudit_command("rules", "check", str(ROOT / "rulesets" / "office.policy.toml"))
    assert done.returncode == 0
    assert "assumed" not in done.stdout
    assert done.stdout.splitlines()[-1] == "1 tables, 1 chains, 13 rules"


def test_show_prints_base_chains():
    """Of the policy there is one. What follows is the ruleset with the ids of its rules, which is read again as the same."""
    done = pcapaudit_command("rules", "show", str(ROOT / "rulesets" / "office.policy.toml"))
    assert done.returncode == 0
    head, _, text = done.stdout.partition("\n\n")
    assert parse_ruleset(text) == load_ruleset(ROOT / "rulesets" / "office.policy.toml")
    assert [int(line.split("  # ")[1].split()[0]) for line in text.splitlines() if "  # " in line] == list(range(1, 14))
    assert pcapaudit_command("rules", "show", "--chains", str(ROOT / "rulesets" / "office.policy.toml")).stdout == head + "\n"


def test_show_takes_what_is_not_understood(tmp_path):
    """Where it is told to."""
    path = tmp_path / "x.nft"
    path.write_text("table inet t { chain c { type filter hook input priority 0; magic word; tcp dport 22 accept; }; }\n")
    assert pcapaudit_command("rules", "show", str(path)).returncode == 2
    done = pcapaudit_command("rules", "show", "--unsupported", "undecidable", str(path))
    assert "\t\tmagic word  # 1 " in done.stdout


def test_convert_to_iptables(tmp_path):
    """What iptables-save wrote, in one way of writing; nothing else."""
    path = tmp_path / "rules.v4"
    path.write_text("*filter\n:INPUT DROP [0:0]\n--append INPUT --protocol tcp --dport 22 --jump ACCEPT\nCOMMIT\n")
    done = pcapaudit_command("rules", "convert", "--to", "iptables", str(path))
    assert done.stdout.splitlines()[3] == "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
    assert pcapaudit_command("rules", "convert", "--to", "iptables", str(ROOT / "rulesets" / "default.nft")).returncode == 2


def test_show_of_a_policy_begins_with_its_chain():
    """As the kernel runs it."""
    done = pcapaudit_command("rules", "show", str(ROOT / "rulesets" / "office.policy.toml"))
    assert done.stdout.startswith("forward\n      0  filter  inet firewall forward: 13 rules, policy drop  (")
