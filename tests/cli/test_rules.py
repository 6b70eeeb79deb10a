"""Checking and converting rulesets on the command line."""

from __future__ import annotations

from checkout import ROOT
from interpreter import pcapaudit_command

SAVED = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -m owner --uid-owner 5 -j ACCEPT\nCOMMIT\n"


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


def test_policy_is_checked_with_its_own_zones():
    """Its interfaces are no news."""
    done = pcapaudit_command("rules", "check", str(ROOT / "rulesets" / "office.policy.toml"))
    assert done.returncode == 0
    assert "assumed" not in done.stdout
    assert done.stdout.splitlines()[-1] == "1 tables, 1 chains, 13 rules"


def test_show_prints_base_chains():
    """Of the policy there is one."""
    done = pcapaudit_command("rules", "show", str(ROOT / "rulesets" / "office.policy.toml"))
    assert done.returncode == 0
    assert done.stdout.startswith("forward\n      0  filter  inet firewall forward: 13 rules, policy drop  (")
