"""From a file, or from text, to a checked ruleset. The only module of ``rules`` that opens files.

Readers are imported where their kind of ruleset is met: together they take longer to import than a small capture to audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.core.errors import Diagnostic, RulesetError
from pcapaudit.rules.check import check
from pcapaudit.rules.kinds import looks_like_ipset, looks_like_iptables, looks_like_json, looks_like_policy
from pcapaudit.rules.model import Place, Ruleset
from pcapaudit.rules.nft.lexer import Source
from pcapaudit.rules.nft.stock import refusals
from pcapaudit.rules.unsupported import set_aside

if TYPE_CHECKING:
    from pcapaudit.rules.iptables.stateful import Sets
    from pcapaudit.rules.nft.parser import Parser, Reader

__all__ = ["MAX_FILE_BYTES", "is_nftables_text", "is_of_one_family", "load_ruleset", "load_zones", "parse_ruleset"]

#: A larger file is no ruleset that anybody wrote or saved (a million set elements take some 20 MB).
MAX_FILE_BYTES = 64 << 20


def load_ruleset(*paths: str | Path, undecidable: bool = False) -> Ruleset:
    """Read rulesets and what they include, told apart by what is in them: nftables as text or JSON, iptables-save, policy files.

    Several files make one ruleset: nftables files and the two iptables families side by side, ipset-save files for the sets that
    iptables rules name. Raises RulesetError with every complaint.
    """
    texts = [(str(path), _text(path)) for path in paths]
    sets, problems = _sets([(shown, text) for shown, text in texts if looks_like_ipset(text)])
    rulesets: list[Ruleset] = []
    for shown, text in texts:
        if looks_like_ipset(text):
            continue
        try:
            rulesets.append(parse_ruleset(text, shown, _read_included, sets, undecidable=undecidable))
        except RulesetError as error:
            problems += error.diagnostics
    if not rulesets and not problems:
        problems.append(Diagnostic(texts[0][0] if texts else "", 0, 0, "sets alone are no ruleset", "give the file with the rules too"))
    problems += _doubles(rulesets)
    if problems:
        raise RulesetError(problems)
    return Ruleset(
        tuple(table for each in rulesets for table in each.tables), tuple(warning for each in rulesets for warning in each.warnings)
    )


def load_zones(*paths: str | Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Zones and own addresses that policy files among the paths tell of, as ``--zone`` and ``--own`` would.

    What is wrong with the files is for ``load_ruleset`` to say.
    """
    zones: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    for path in paths:
        try:
            text = _read(Path(path))
            if not looks_like_policy(text, str(path)):
                continue
            from pcapaudit.rules.policy.maker import policy_zones

            told = policy_zones(text, str(path))
        except (OSError, ValueError):
            continue
        zones, own = zones + told[0], own + told[1]
    return zones, own


def parse_ruleset(
    text: str, path: str = "<text>", reader: Reader | None = None, sets: Sets | None = None, *, undecidable: bool = False
) -> Ruleset:
    """Read one ruleset's text; ``reader`` fetches what nftables text includes, ``sets`` are those of ipset-save files.

    With ``undecidable``, a rule that is not understood is one of which nothing is known, and a warning. Raises RulesetError with every
    complaint.
    """
    if looks_like_iptables(text):
        return _parse_iptables(text, path, sets, undecidable=undecidable)
    if looks_like_policy(text, path):
        from pcapaudit.rules.policy.maker import make_ruleset
        from pcapaudit.rules.policy.reader import PolicyReader

        policy = PolicyReader(text, path)
        return _checked(make_ruleset(policy), policy.diagnostics, {})
    parser = _parser(text, reader)
    parser.undecidable = undecidable
    ruleset = parser.parse(text, path)
    if not parser.cursor.diagnostics:
        told = tuple(_located(parser.sources, *each) for each in refusals(ruleset))
        ruleset = replace(ruleset, warnings=(*ruleset.warnings, *told))
    return _checked(ruleset, list(parser.cursor.diagnostics), parser.sources, undecidable=undecidable)


def is_of_one_family(*paths: str | Path) -> bool:
    """Whether the files are what iptables-save alone wrote, or ip6tables-save alone: the other IP version has a file of its own."""
    from pcapaudit.rules.iptables.reader import guess_l3

    versions = set()
    for path in paths:
        try:
            text = _read(Path(path))
        except (OSError, ValueError):
            return False
        if looks_like_ipset(text):
            continue
        if not looks_like_iptables(text):
            return False
        versions.add(guess_l3(text, str(path)))
    return len(versions) == 1


def _parser(text: str, reader: Reader | None) -> Parser:
    """What reads nftables, as text or as JSON."""
    if looks_like_json(text):
        from pcapaudit.rules.nftjson.reader import JsonParser

        return JsonParser()
    from pcapaudit.rules.nft.parser import Parser

    return Parser(reader)


def is_nftables_text(text: str, path: str) -> bool:
    """Whether stock nft would read it as it is: it is no iptables-save, ipset save, JSON or policy file."""
    return not (looks_like_iptables(text) or looks_like_ipset(text) or looks_like_json(text) or looks_like_policy(text, path))


def _sets(texts: Sequence[tuple[str, str]]) -> tuple[Sets | None, list[Diagnostic]]:
    """The sets of ipset-save files, given as (path, text), and complaints about them."""
    if not texts:
        return None, []
    from pcapaudit.rules.iptables.ipset import read_ipsets
    from pcapaudit.rules.iptables.stateful import Sets

    sets = Sets()
    problems: list[Diagnostic] = []
    for shown, text in texts:
        found, wrong = read_ipsets(text, shown)
        sets.known.update(found)
        problems += wrong
    return sets, problems


def _parse_iptables(text: str, path: str, sets: Sets | None, *, undecidable: bool) -> Ruleset:
    from pcapaudit.rules.iptables.reader import IptablesReader, guess_l3

    reader = IptablesReader(guess_l3(text, path), sets, undecidable=undecidable)
    ruleset = reader.read(text, path)
    source = Source(path, text.replace("\r\n", "\n"))
    source.lines = [0, *(at + 1 for at, char in enumerate(source.text) if char == "\n")]
    return _checked(ruleset, reader.diagnostics, {path: source}, undecidable=undecidable)


def _checked(ruleset: Ruleset, diagnostics: list[Diagnostic], sources: dict[str, Source], *, undecidable: bool = False) -> Ruleset:
    """The ruleset, if nothing is wrong with it; what must hold in it as a whole is looked at only when its syntax is right."""
    if not diagnostics and undecidable:
        ruleset, diagnostics = set_aside(ruleset, partial(_located, sources))
    elif not diagnostics:
        diagnostics = [_located(sources, place, message, advice) for place, message, advice in check(ruleset)]
    if diagnostics:
        order = {name: index for index, name in enumerate(sources)}
        raise RulesetError(sorted(diagnostics, key=lambda each: (order.get(each.path, 0), each.line, each.column)))
    return ruleset


def _doubles(rulesets: Sequence[Ruleset]) -> list[Diagnostic]:
    """Tables that two files set up: which of them would be in force, nobody says."""
    seen: dict[tuple[str, str], str] = {}
    found = []
    for table in (table for each in rulesets for table in each.tables):
        key = table.family, table.name
        if key in seen and seen[key] != table.place.path:
            message = f"table {table.family} {table.name} is also set up by {seen[key]}"
            found.append(Diagnostic(table.place.path, table.place.line, table.place.column, message, "give one of the files only"))
        seen.setdefault(key, table.place.path)
    return found


def _text(path: str | Path) -> str:
    try:
        return _read(Path(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        advice = "give the path of a file in nftables or iptables-save syntax"
        raise RulesetError([Diagnostic(str(path), 0, 0, f"cannot read the ruleset: {reason}", advice)]) from None


def _located(sources: dict[str, Source], place: Place, message: str, advice: str) -> Diagnostic:
    source = sources.get(place.path)
    shown = source.line_text(place.line) if source is not None and place.line else ""
    return Diagnostic(place.path, place.line, place.column, message, advice, shown)


def _read(path: Path) -> str:
    """A file's text. Raises OSError, or ValueError saying why it is no ruleset."""
    if path.is_dir():
        raise ValueError("it is a directory")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise ValueError("it is a binary file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 (byte 0x{raw[error.start]:02x})") from None


def _read_included(including: str, pattern: str) -> list[tuple[str, str]]:
    """The files of an ``include``: a pattern may match none, a plain name must exist. Relative to the including file."""
    path = Path(pattern)
    folder = Path(including).parent
    if not set("*?[") & set(pattern):
        found = [path if path.is_absolute() else folder / path]
    else:
        top = Path(path.anchor) if path.is_absolute() else folder
        found = sorted(each for each in top.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)) if each.is_file())
    return [(str(each), _read(each)) for each in found]
