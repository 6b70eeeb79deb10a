"""The rules of the engine against those of the real Linux kernel: verdict and deciding rule of every packet.

``rules/*.nft`` are small rulesets, one for each kind of construct; ``rules/traffic.pcap`` asks them (``make_traffic.py``); ``rules/*.txt``
holds what Linux answered (``compare_rules.py --write`` says how it was asked, and compares any other ruleset with any other capture).
What depends on something that no capture holds is undecidable, and only there may the answers differ.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from rule_verdicts import NOT_SEEN, OUT, engine_answers, grouped, is_same, two_links, ungrouped

from pcapaudit.rules import load_ruleset, parse_ruleset
from pcapaudit.rules.nft.printer import format_ruleset

RULES = Path(__file__).parent / "rules"
RULESETS = sorted(RULES.glob("*.nft"))
#: The same of iptables-save; the kernel's answers after iptables-restore.
SAVED = sorted(RULES.glob("*.v4"))
#: Rulesets that ask on purpose for what no capture holds; the number of frames that stay open.
OPEN = {"bigsets", "mangling", "misc"}


@pytest.mark.parametrize("path", RULESETS + SAVED, ids=lambda path: path.stem)
def test_rules_equal_the_kernels(path):
    """Every frame that the kernel showed to its rules."""
    hook = "forward" if path.read_text().startswith("# hook: forward") else "input"
    engine = engine_answers(RULES / "traffic.pcap", load_ruleset(path), two_links(hook), OUT if hook == "forward" else "")
    kernel = ungrouped(path.with_suffix(".txt").read_text())
    assert len(kernel) == len(engine.answers)
    differing = [
        f"frame {number}: kernel {said}, engine {engine.answers[number - 1]}"
        for number, said in kernel.items()
        if said not in NOT_SEEN and not is_same(said, engine.answers[number - 1], path) and number not in engine.undecided
    ]
    assert not differing
    assert bool(engine.undecided) == (path.stem in OPEN)


def test_every_ruleset_is_asked_something():
    """A ruleset whose answers are all alike proves nothing; one that decides by few of its rules proves little."""
    for path in RULESETS + SAVED:
        answers = set(ungrouped(path.with_suffix(".txt").read_text()).values()) - set(NOT_SEEN)
        assert len(answers) >= 2, path.name
    assert len(RULESETS) >= 40


def test_answers_are_kept_whole():
    """Grouping loses nothing."""
    answers = {1: "accept t/c#1", 2: "drop t/c", 3: "drop t/c", 4: "accept t/c#1", 7: "drop t/c"}
    assert ungrouped(grouped(answers)) == answers


@pytest.fixture(scope="module")
def stock_nft():
    """Whether stock nft takes a text: its complaints, in a network namespace of its own."""
    command = ["unshare", "-n", "nft", "-c", "-f", "-"]
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.skip("nft or unshare is not installed")
    if subprocess.run(command, input="", capture_output=True, text=True, check=False).returncode:
        pytest.skip("no right to make a network namespace with nftables in it")
    links = "ip link add lan type veth peer name wan && exec nft -c -f -"

    def complaints(text):
        return subprocess.run(["unshare", "-n", "sh", "-c", links], input=text, capture_output=True, text=True, check=False).stderr

    return complaints


@pytest.mark.parametrize("path", RULESETS, ids=lambda path: path.stem)
def test_printed_ruleset_is_the_same_and_loads(path, stock_nft):
    """What our printer writes is read as the same ruleset, and taken by stock nft."""
    ruleset = load_ruleset(path)
    text = format_ruleset(ruleset)
    assert parse_ruleset(text, "again.nft") == ruleset
    assert stock_nft(text) == ""
