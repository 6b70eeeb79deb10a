"""Reports and notes."""

import pytest
from checkout import ROOT

from pcapaudit.cli.main import run
from pcapaudit.cli.output import note, plain_text, print_report


def test_plain_text_has_no_colour_and_no_trailing_blanks():
    """Whatever the environment says."""
    assert plain_text(lambda console: console.print("[bold]a[/bold]  ")) == "a\n"
    assert max(map(len, plain_text(lambda console: console.print("x " * 100), 40).splitlines())) <= 40


def test_report_and_note(capsys):
    """Results on stdout, notes on stderr."""
    print_report(lambda console: console.print("[bold]a[/bold]"), "never")
    note("b")
    assert capsys.readouterr() == ("a\n", "pcapaudit: b\n")
    print_report(lambda console: console.print("[bold]a[/bold]"), "always")
    assert "a" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["timeouts", "exposure", "rfc"])
def test_what_was_inferred_of_the_place_is_told(tmp_path, capsys, command):
    """Verdicts hang on it where there is a chain input and nobody said which addresses are the firewall's own."""
    rules = tmp_path / "in.nft"
    rules.write_text("table inet f { chain i { type filter hook input priority 0; policy drop; } }\n")
    words = [command, str(ROOT / "captures" / "web.pcap"), "--rules", str(rules)]
    run(words)
    told = capsys.readouterr().err
    assert "pcapaudit: not known where this was captured: two hosts" in told
    run([*words, "-q"])
    assert "captured" not in capsys.readouterr().err
    run([*words, "--own", "192.168.10.20"])
    assert "captured" not in capsys.readouterr().err


def test_suites_tell_it_too(tmp_path, capsys):
    """With the suite's place."""
    (tmp_path / "in.nft").write_text("table inet f { chain i { type filter hook input priority 0; policy drop; } }\n")
    suite = tmp_path / "a.audit.yaml"
    suite.write_text(f"capture: {ROOT / 'captures' / 'web.pcap'}\nrules: in.nft\nexpect: [{{flow: '*'}}]\n")
    assert run(["test", str(suite)]) == 0
    assert f"pcapaudit: {suite}:1: not known where this was captured" in capsys.readouterr().err


def test_reduce_tells_it_too(tmp_path, capsys):
    """Of the capture that is reduced."""
    (tmp_path / "in.nft").write_text("table inet f { chain i { type filter hook input priority 0; policy drop; } }\n")
    words = ["--rules", str(tmp_path / "in.nft"), "--keep", "frame 5", "-o", str(tmp_path / "small.pcapng")]
    assert run(["reduce", str(ROOT / "captures" / "web.pcap"), *words]) == 0
    assert capsys.readouterr().err.count("not known where this was captured") == 1
