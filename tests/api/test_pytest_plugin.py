"""The pytest plugin, with pytester: tests of suites, the fixture, and no trouble for others."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest
from checkout import ROOT
from interpreter import python
from office import CAPTURE, RULES
from suite_texts import write

pytest_plugins = ["pytester"]

#: A checkout that was built in place and never installed has no entry points.
LOAD = () if any(each.name == "pcapaudit" for each in entry_points(group="pytest11")) else ("-p", "pcapaudit.api.pytest_plugin")
TEXT = """\
expect:
  - flow: 192.168.10.20 > *:53/udp
    verdict: accept
  - flow: "* > *:443/tcp"
    name: https is open
    verdict: accept
  - flow: "* > *:44x"
baseline: x.baseline.txt
"""


@pytest.fixture
def suite(pytester):
    """A folder with a suite."""
    write(pytester.path, TEXT)
    return pytester


def run(pytester, *arguments):
    """pytest in a process of its own: what a session leaves behind must not reach ours."""
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *LOAD, *arguments)


def test_entry_point_is_declared():
    """How pytest finds the plugin of an installed package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"pcapaudit": "pcapaudit.api.pytest_plugin"}


def test_one_item_for_each_expectation(suite):
    """The failing flow, rule and frame are in the text; no traceback of ours."""
    done = run(suite)
    done.assert_outcomes(passed=1, failed=3)
    done.stdout.fnmatch_lines(
        [
            "*x.audit.yaml:6*https is open",
            "expected verdict accept: 2 of 2 flows differ",
            "  frame 69, flow *: 203.0.113.66:61658 > 192.168.10.20:443/tcp",
            "    drop (policy)*office.policy.toml:19 policy drop",
        ]
    )
    done.stdout.fnmatch_lines(["*x.audit.yaml:9:18: '44x' is no port*"])
    assert "pytest_plugin.py" not in done.stdout.str()


def test_keyword_and_update(suite):
    """-k picks by name; the option writes the baseline."""
    run(suite, "-k", "https").assert_outcomes(failed=1, deselected=3)
    run(suite, "-k", "baseline", "--pcapaudit-update").assert_outcomes(passed=1, deselected=3)
    run(suite, "-k", "baseline").assert_outcomes(passed=1, deselected=3)


def test_xdist_and_junit(suite):
    """Workers share the tests; the report has one case each, with frame and rule."""
    done = run(suite, "-n", "1", "--junitxml", "out.xml", "--color", "no")
    done.assert_outcomes(passed=1, failed=3)
    cases = ElementTree.parse(suite.path / "out.xml").getroot().findall(".//testcase")
    assert len(cases) == 4
    (https,) = [case for case in cases if case.get("name") == "https is open"]
    assert {each.get("name"): each.get("value") for each in https.iter("property")}["frame"] == "69"
    assert "2 of 2 flows differ" in https.find("failure").text


def test_broken_suite_is_one_failure(pytester):
    """The other file still runs."""
    write(pytester.path, "bogus: 1\n", "a.audit.yaml")
    write(pytester.path, "expect: [{flow: '*'}]\n", "b.audit.yaml")
    done = run(pytester)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*a.audit.yaml:3:1: a suite has no key 'bogus'*"])


def test_fixture(pytester):
    """Paths beside the test's file, equal calls share a run, and errors are the library's."""
    (pytester.path / "office.pcapng").write_bytes(Path(CAPTURE).read_bytes())
    pytester.makepyfile(
        f"""
        import pcapaudit, pytest

        def test_one(audit):
            run = audit("office.pcapng", rules={RULES!r})
            assert run.flow("192.168.10.20:57524 > 198.51.100.10:80/tcp").verdict == "accept"
            assert audit("office.pcapng", rules={RULES!r}) is run

        def test_two(audit):
            with pytest.raises(pcapaudit.CaptureError):
                audit("nowhere.pcap")

        def test_three(audit):
            assert audit("office.pcapng", rules={RULES!r}).flow("flow 20").verdict == "accept"
        """
    )
    done = run(pytester)
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(["*AssertionError: assert 'drop' == 'accept'"])


def test_others_pay_nothing():
    """Loading the plugin imports no NumPy, no YAML, none of the engine."""
    names = "print([name for name in ('numpy', 'yaml', 'click', 'rich', 'pcapaudit.core') if name in sys.modules])"
    alone, with_us = (python("-c", f"import sys, pytest{more}; {names}").stdout for more in ("", ", pcapaudit.api.pytest_plugin"))
    assert alone == with_us == "[]\n"
