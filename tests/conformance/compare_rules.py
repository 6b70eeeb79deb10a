"""Compares verdict and deciding rule of every frame with the real Linux kernel's, ruleset by ruleset.

    python tests/conformance/compare_rules.py ORACLE [RULESET…] [--capture FILE… | --asking N] [--without-nat] [--hook forward] [--write]

ORACLE is the program that make_goldens.py describes; with rules it also takes ``-r RULES --tun NAME=PREFIXES --hook HOOK --all-rules
--keep DIR``, tells of every rule that matched, and leaves the kernel's listing of the ruleset (``ruleset.json``) in DIR. Without rulesets
those of rules/ are run over rules/traffic.pcap; ``--write`` keeps the kernel's answers beside them for test_kernel_rules.py. Packets come
in by ``lan`` from 10.0.0.0/8 and fd00::/8, else by ``wan`` (or by the interfaces that a file asks for most); with ``--hook forward`` they
all go out by ``oracle-out``. With ``--asking`` each ruleset is asked N packets made of the addresses, ports and types that its own
rules name (``support/asking.py``). With ``--without-nat`` its nat chains are emptied on both sides: the answers in a capture carry no
translation, so that the kernel takes them for connections of their own, and the engine does not. A file that begins with
``# hook: forward`` is run at that hook. iptables-save files go through iptables-restore-translate, which has no words for much; with
``--restore`` they are given to ORACLE as they are, which then needs a kernel with xtables and loads them by iptables-nft-restore.
Exit code 1: a difference.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parents[1])]

from asking import asking, capture_of  # noqa: E402
from kernel_forms import interface_names, prepared_iptables, prepared_nft  # noqa: E402
from rule_verdicts import INSIDE, NOT_SEEN, OUT, engine_answers, grouped, is_same, two_links  # noqa: E402

from pcapaudit.core.errors import PcapauditError  # noqa: E402
from pcapaudit.rules import load_ruleset  # noqa: E402
from pcapaudit.rules.convert import to_nftables  # noqa: E402
from pcapaudit.rules.iptables.reader import guess_l3  # noqa: E402
from pcapaudit.rules.kinds import looks_like_iptables  # noqa: E402


def kernel_answers(oracle, capture, rules, hook, tuns, versions):
    """The kernel's answers by frame number; ``versions``: the IP version of each frame."""
    with tempfile.TemporaryDirectory() as folder:
        keep, out = Path(folder) / "keep", Path(folder) / "out"
        names = [f"{tuns[0]}={INSIDE}", tuns[1]]
        command = [
            sys.executable,
            oracle,
            str(capture),
            "-r",
            str(rules),
            "-o",
            str(out),
            "--hook",
            hook,
            "--all-rules",
            "--keep",
            str(keep),
        ]
        done = subprocess.run(
            [*command, "-s", "checksum=0", "--tso", *(part for name in names for part in ("--tun", name))],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        listing = _Listing(json.loads((keep / "ruleset.json").read_text()))
        lines = out.read_text().splitlines()
    return {entry["n"]: listing.answer(entry, versions.get(entry["n"], 4)) for entry in map(json.loads, lines)}


class _Listing:
    """The kernel's own listing: which rule has which number in its chain, and which chains may decide."""

    def __init__(self, listed):
        self.numbers, self.bases, counts = {}, {}, {}
        for item in listed["nftables"]:
            if "chain" in item and "hook" in item["chain"]:
                chain = item["chain"]
                self.bases[(chain["family"], chain["table"], chain["name"])] = chain
            elif "rule" in item:
                rule = item["rule"]
                key = rule["family"], rule["table"], rule["chain"]
                counts[key] = counts.get(key, 0) + 1
                self.numbers[(*key, rule["handle"])] = counts[key]

    def answer(self, entry, version):
        """What decided a frame. The trace does not tell the family of a table; only one of its name sees the packet, or nearly so."""
        verdict = entry["verdict"]
        if verdict in NOT_SEEN:
            return verdict
        families = ("inet", "ip" if version == 4 else "ip6", "netdev")
        rule, policy, base = "", "", None
        for table, chain, handle, kind, said in entry.get("rules", ()):
            known = next((each for each in families if (each, table, chain, handle) in self.numbers), families[0])
            base = next((self.bases[each, table, chain] for each in (known, *families) if (each, table, chain) in self.bases), base)
            early = base is not None and base["hook"] in ("prerouting", "ingress") and (base["prio"] < -200 or base["hook"] == "ingress")
            if base is not None and base["type"] == "nat" and said != "drop":
                continue
            if kind == "policy":
                if said == "drop" or not early:
                    policy = f"{table}/{chain}"
                if said == "drop":
                    rule = ""
            elif said == "drop" or (said == "accept" and not early):
                rule = f"{table}/{chain}#{self.numbers.get((known, table, chain, handle), '?')}"
        return f"{verdict} {rule or policy}".strip()


def prepared(path, folder, *, restore):
    """(kernel's file, engine's file, names of the inner and outer interface) for a ruleset file."""
    text = path.read_text()
    names = ("lan", "wan") if path.parent == HERE / "rules" else interface_names(text)
    if restore and looks_like_iptables(text):
        return path, path, names
    if path.suffix == ".nft" and path.parent == HERE / "rules":
        return path, path, names
    if not looks_like_iptables(text):
        kernel = folder / "kernel.nft"
        kernel.write_text(prepared_nft(text))
        return kernel, kernel, names
    six = guess_l3(text, str(path)) == 6
    found = prepared_iptables(text, path, six=six)
    if found is None:
        raise RuntimeError("iptables-restore-translate refuses it")
    kernel, engine = folder / "kernel.nft", folder / ("engine.v6" if six else "engine.v4")
    kernel.write_text(found[0])
    engine.write_text(found[1])
    return kernel, engine, names


def without_nat(path, folder):
    """The file with empty nat chains, for both sides."""
    ruleset = load_ruleset(path)
    tables = [replace(table, chains=tuple(map(_emptied, table.chains))) for table in ruleset.tables]
    stripped = folder / "without_nat.nft"
    stripped.write_text(to_nftables(replace(ruleset, tables=tuple(tables)))[0])
    return stripped


def _emptied(chain):
    return replace(chain, rules=()) if chain.base is not None and chain.base.type == "nat" else chain


def compare(oracle, capture, path, hook, options):
    """(kernel's answers, engine's answers, Answers) for every frame of a capture; of one that asks the ruleset where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        kernel_path, engine_path, names = prepared(path, Path(folder), restore=options.restore)
        if options.without_nat:
            kernel_path = engine_path = without_nat(engine_path, Path(folder))
        ruleset = load_ruleset(engine_path)
        if capture is None:
            capture, r = Path(folder) / "asking.pcap", random.Random(options.asking)
            capture.write_bytes(capture_of(asking(ruleset, r, options.asking), r))
        engine = engine_answers(capture, ruleset, two_links(hook, *names), OUT if hook == "forward" else "")
        kernel = kernel_answers(oracle, capture, kernel_path, hook, names, engine.versions)
    return kernel, {number: engine.answers[number - 1] for number in kernel}, engine


def say(text):
    """A line of the report."""
    sys.stdout.write(text + "\n")


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("oracle")
    parser.add_argument("rulesets", nargs="*", type=Path)
    parser.add_argument("--capture", nargs="*", type=Path, default=[HERE / "rules" / "traffic.pcap"])
    parser.add_argument("--asking", type=int, default=0)
    parser.add_argument("--without-nat", action="store_true")
    parser.add_argument("--restore", action="store_true")
    parser.add_argument("--hook", choices=["input", "forward"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    differing = 0
    for path in options.rulesets or sorted((HERE / "rules").glob("*.v4" if options.restore else "*.nft")):
        hook = options.hook or ("forward" if path.read_text().startswith("# hook: forward") else "input")
        for capture in [None] if options.asking else options.capture:
            try:
                kernel, ours, engine = compare(options.oracle, capture, path, hook, options)
            except (RuntimeError, PcapauditError) as error:
                say(f"{path.name}: {error}")
                differing += 1
                continue
            wrong = [n for n in kernel if kernel[n] not in NOT_SEEN and not is_same(kernel[n], ours[n], path)]
            undecided = len([n for n in wrong if n in engine.undecided])
            say(f"{path.name} {capture.name if capture else 'asking'}: {len(kernel)} frames, {len(set(kernel.values()))} answers")
            say(f"    {len(wrong)} differ, {undecided} of them undecidable; {len(engine.undecided)} undecidable in all")
            for number in wrong[:8]:
                say(f"    frame {number}: kernel {kernel[number]!r}, engine {ours[number]!r}")
            differing += len(wrong)
            if options.write:
                path.with_suffix(".txt").write_text(grouped(kernel))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
