"""``pcapaudit rfc`` from outside."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command

from pcapaudit.cli.rfc import _NUMBERS
from pcapaudit.regress.standards.catalogue import STANDARDS

OFFICE = str(ROOT / "captures" / "office.pcapng")


def test_report_is_the_same_each_time():
    """Whatever the seed."""
    one, other = (pcapaudit_command("rfc", OFFICE, "--seed", seed) for seed in "12")
    assert (one.returncode, one.stdout) == (0, other.stdout)
    assert "requirements are violated" in one.stdout


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("must", 0), ("should", 1)])
def test_exit_code(fail_on, code):
    """RFC 7857 asks with SHOULD for what Linux does not do."""
    done = pcapaudit_command("rfc", OFFICE, "--standard", "7857", "--fail-on", fail_on, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_profile_that_standards_wrote():
    """Its timers violate nothing; they say whose they are."""
    done = pcapaudit_command("rfc", OFFICE, "--profile", "rfc", "--format", "json", "--standard", "5508")
    record = json.loads(done.stdout)
    (timer,) = (each for each in record["standards"][0]["requirements"] if each["id"] == "REQ-2")
    assert timer["verdict"] == "met"
    assert "profile rfc" in timer["evidence"][0]["text"]


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_pages(form):
    """On stdout, alone."""
    done = pcapaudit_command("rfc", OFFICE, "--format", form, "--standard", "5508", "--only", "violated")
    assert done.returncode == 0
    assert "REQ-2" in done.stdout
    assert "REQ-10" not in done.stdout


def test_bad_usage_and_bad_files():
    """A line, exit code 2."""
    for arguments, said in ((("rfc", OFFICE, "--standard", "1"), "'1' is not one of"), (("rfc", "no-such.pcap"), "no-such.pcap")):
        done = pcapaudit_command(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_numbers_are_those_of_the_catalogue():
    """Which --help must not import."""
    assert set(map(int, _NUMBERS)) == set(STANDARDS)
