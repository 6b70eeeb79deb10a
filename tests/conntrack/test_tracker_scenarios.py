"""Scenario scripts: stories of a few packets, each with what the engine must say of it on its own line (tests/conntrack/scenarios)."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_scripts import read_script
from scenes import replay

SCRIPTS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scenario(path):
    """Every packet has the ct state, TCP state, verdict and reason that its line says."""
    script = read_script(path)
    rows = replay(script.packets, script.rules, config=script.config).rows
    said = [(row.state or "-", row.tcp or "-", row.said, row.why or "-") for row in rows]
    wrong = [
        f"{path.name}:{number}: {line}\n    expected {' '.join(expected)}\n    found    {' '.join(found)}"
        for (number, line), expected, found in zip(script.lines, script.expected, said, strict=True)
        if expected != found
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scenario_of_headers_alone(path):
    """A snap length that leaves the headers changes nothing: lengths are those of the wire."""
    script = read_script(path)
    whole, headers = (replay(script.packets, script.rules, config=script.config, snaplen=size) for size in (None, 60))
    for one, other in zip(whole.rows, headers.rows, strict=True):
        assert set(other.anomalies) - set(one.anomalies) <= {"payload-truncated"}
        one.anomalies = other.anomalies = []
    assert whole.rows == headers.rows
    assert [bytes(flow) for flow in whole.flows] == [bytes(flow) for flow in headers.flows]


@pytest.mark.parametrize("line", ["0.1 > S 0:0(0", "0.1 ^ S 0:0(0)  new  syn_sent  accept", "rules maybe", "0 > S 0:0(0)  new"])
def test_bad_line_is_named(tmp_path, line):
    """File, line number and text."""
    path = tmp_path / "odd.txt"
    path.write_text(f"# story\n{line}\n")
    with pytest.raises(ValueError, match=r"odd\.txt:2: "):
        read_script(path)
