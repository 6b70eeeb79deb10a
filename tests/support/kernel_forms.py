"""Makes a ruleset file one that the kernel can be asked about: with the interfaces that there are, in nftables' words.

nftables text stays as it is but for ``iif`` and ``oif``, which become ``iifname`` and ``oifname``, because the interfaces of the file are
not there when it is loaded. iptables-save goes through iptables-restore-translate, a translation that is not ours; rules for which it has
no words become rules without effect on both sides.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter

from pcapaudit.rules.nft.stock import RESERVED

__all__ = ["interface_names", "prepared_iptables", "prepared_nft"]

_IIF = re.compile(r'\b(i|o)if(?!name|group|type|kind)\b(?=\s+[!"$\w{])')
_NAMES = re.compile(r'\biif(?:name)?\s+(?:!=\s*|==\s*)?(\{[^{}]*\}|"?[\w.-]+\*?"?)')
_IPTABLES_NAMES = re.compile(r"(?:^|\s)(?:-i|--in-interface)\s+([\w.-]+)")


def interface_names(text):
    """The two names that the file asks for most where packets come in, ``lo`` aside: the commonest is taken for the outside."""
    found = Counter()
    for group in _NAMES.findall(text):
        found.update(name.strip('"') for name in re.findall(r'"?[\w.-]+\*?"?', group))
    found.update(_IPTABLES_NAMES.findall(text))
    names = [name for name, _ in found.most_common() if re.fullmatch(r"[A-Za-z][\w.-]{0,14}", name) and name not in {"lo", *RESERVED}]
    names = [*names, *(name for name in ("wan", "lan") if name not in names)]
    return names[1], names[0]


def prepared_nft(text):
    """nftables text for both sides."""
    return "\n".join(_prepared_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _prepared_line(line):
    return line if re.search(r"\bfib\b", line) else _IIF.sub(r"\1ifname", line)


def prepared_iptables(text, path, *, six):
    """(nftables text, iptables-save text) that say the same, or None when the translator refuses the file."""
    tool = "ip6tables-restore-translate" if six else "iptables-restore-translate"
    done = subprocess.run([tool, "-f", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    lines, places, counts = [], set(), Counter()
    for line in done.stdout.splitlines():
        added = re.match(r"(?:add|insert) rule (\S+) (\S+) (\S+)", line)
        skipped = re.match(r"# -t (\S+) -A (\S+)", line)
        if added or skipped:
            key = (added[2], added[3]) if added else (skipped[1], skipped[2])
            counts[key] += 1
            if skipped:
                places.add((*key, counts[key]))
                lines.append(f"add rule {'ip6' if six else 'ip'} {key[0]} {key[1]} counter")
                continue
        lines.append(line)
    return "\n".join(lines) + "\n", _without(text, places)


def _without(text, places):
    """The text with the rules at (table, chain, number) made to do nothing."""
    table, counts, lines = "", Counter(), []
    for line in text.splitlines():
        shown = line
        if line.startswith("*"):
            table = line[1:].strip()
        found = re.match(r"(?:\[\d+:\d+\]\s*)?-A\s+(\S+)", line)
        if found:
            counts[table, found[1]] += 1
            if (table, found[1], counts[table, found[1]]) in places:
                shown = f"-A {found[1]}"
        lines.append(shown)
    return "\n".join(lines) + "\n"
