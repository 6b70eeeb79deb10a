"""Reports and notes."""

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
