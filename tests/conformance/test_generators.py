"""What generators of firewalls make loads, and lets by what the kernel lets by.

``make_generators.py`` says how the captures and the kernel's lines in ``generators/`` were made.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import Collector

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.run import run
from pcapaudit.replay.topology_file import read_topology
from pcapaudit.rules import load_ruleset

FOLDER = Path(__file__).parent / "generators"
NAMES = sorted(path.stem for path in FOLDER.glob("*.txt"))


def rows(name):
    """What the engine says of each frame."""
    ruleset = load_ruleset(str(next(FOLDER.glob(f"{name}.[in]*"))))
    topology, facts = read_topology((FOLDER / "router.toml").read_text(), "router.toml"), Collector()
    with open_stream([str(FOLDER / f"{name}.pcapng")]) as stream:
        run(Context(stream, ruleset, program_for(ruleset, topology), topology, ConntrackConfig(checksum=False), "ignore"), [facts], 1)
    return facts.rows


@pytest.mark.parametrize("name", NAMES)
def test_output_of_a_generator_equals_kernel(name):
    """Every packet; nothing is open."""
    kernel = [line.split()[1] for line in (FOLDER / f"{name}.txt").read_text().splitlines()]
    found = rows(name)
    pairs = enumerate(zip(kernel, found, strict=True), 1)
    differing = [(frame, one, row.said, row.why) for frame, (one, row) in pairs if (row.said == "accept") != (one == "1")]
    assert not differing
    assert all(row.decided for row in found)


def test_goldens_show_both_answers():
    """They would prove little otherwise."""
    assert len(NAMES) == 5
    for name in NAMES:
        found = [line.split()[1] for line in (FOLDER / f"{name}.txt").read_text().splitlines()]
        assert 20 < found.count("1") < len(found) - 20, name
