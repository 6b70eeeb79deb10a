"""Rule coverage beside the ruleset's own text: for the terminal, as one HTML file, and as LCOV for services that show coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pcapaudit.report.summary import iso_time
from pcapaudit.report.terminal import count

__all__ = ["FORMS", "render"]

#: So many elements of a set are named; of the others the number is told.
_NAMED = 20

#: A ``regress.coverage.RuleCount`` and a ``SetCount``; that module stands on the same floor.
RuleCount = Any
SetCount = Any
#: Lines of a file by its path; a file that cannot be shown is missing.
Sources = Mapping[str, Sequence[str]]


def render(form: str, record: Mapping[str, Any], sources: Sources) -> str:
    """The coverage in a form of FORMS."""
    return _RENDERERS[form](record, sources)


def _text(record: Mapping[str, Any], sources: Sources) -> str:
    parts = []
    for path, rules in record["files"].items():
        reached = sum(rule.reached > 0 for rule in rules)
        parts.append(f"{path}: {reached} of {len(rules)} rules reached\n\n{'packets':>10} {'flows':>8}\n")
        for number, text, found in _lines(path, rules, sources):
            parts.append(f"{_cells(found)} {number:>5}  {text}".rstrip() + "\n")
        parts.append("\n")
        missed = [f"never reached: {path}:{rule.line}: {rule.text}\n" for rule in rules if not rule.reached]
        missed += [f"never reached: {path}:{line}: {text}\n" for line, text in _missed_elements(record["sets"][path], rules)]
        parts += [*missed, "\n"] if missed else []
    return "".join([*parts, _window(record), f"{_share(record)}\n"])


def _missed_elements(sets: Sequence[SetCount], rules: Sequence[RuleCount]) -> list[tuple[int, str]]:
    """Line and words for each set with elements that no packet reached. Where a rule was never reached, its own sets go without saying."""
    reached = {(rule.line, rule.column) for rule in rules if rule.reached}
    told = []
    for each in sets:
        missed = each.missed
        if missed and (each.name.startswith("@") or each.reached or (each.line, each.column) in reached):
            more = f" and {count(len(missed) - _NAMED)} more" if len(missed) > _NAMED else ""
            whole = f"{count(len(missed))} of {count(len(each.elements))} elements"
            told.append((each.line, f"{each.name}, {whole}: {', '.join(missed[:_NAMED])}{more}"))
    return told


def _cells(found: Sequence[RuleCount]) -> str:
    """Packets and flows of a line's rules; ``never`` stands where one of several was not reached, too."""
    if not found:
        return " " * 19
    reached = sum(rule.reached for rule in found)
    if not reached:
        return f"{'never':>10} {'':>8}"
    mark = "*" if any(not rule.reached for rule in found) else " "
    return f"{count(reached):>9}{mark} {count(sum(rule.flows for rule in found)):>8}"


def _lcov(record: Mapping[str, Any], _sources: Sources) -> str:
    """One record a file: DA lines with the packets that reached the rules of a line (of several on a line, the fewest), and a branch
    for each element of a set: block by set, ``-`` where nothing was looked up in it.
    """
    parts = []
    for path, rules in record["files"].items():
        lines = _by_line(rules)
        parts += ["TN:pcapaudit\n", f"SF:{path}\n"]
        parts += [f"DA:{number},{min(rule.reached for rule in found)}\n" for number, found in sorted(lines.items())]
        sets = record["sets"][path]
        for block, each in enumerate(sets):
            found = each.elements.values()
            parts += [f"BRDA:{each.line},{block},{branch},{taken if any(found) else '-'}\n" for branch, taken in enumerate(found)]
        if sets:
            parts += [f"BRF:{sum(len(each.elements) for each in sets)}\n", f"BRH:{sum(each.reached for each in sets)}\n"]
        hit = sum(all(rule.reached for rule in found) for found in lines.values())
        parts += [f"LF:{len(lines)}\n", f"LH:{hit}\n", "end_of_record\n"]
    return "".join(parts)


_STYLE = """\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%;font:13px/1.5 ui-monospace,monospace}
td,th{padding:0 .6rem;text-align:right;white-space:nowrap;vertical-align:top}td.t{text-align:left;white-space:pre-wrap;width:100%}
th{font-weight:600;border-bottom:1px solid #8888}tr.y td{background:#2da44e22}tr.n td{background:#cf222e33}tr.p td{background:#d4a72c33}
td.l{color:#888}
.bar{height:.6rem;border-radius:.3rem;background:#cf222e66;max-width:30rem}.bar div{height:100%;border-radius:.3rem;background:#2da44e}
"""


def _html(record: Mapping[str, Any], sources: Sources) -> str:
    """One file that needs nothing else."""
    head = "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    head += f"<title>Rule coverage</title>\n<style>\n{_STYLE}</style>\n"
    parts = [
        head,
        f"<h1>Rule coverage: {escape(_share(record))}</h1>\n<div class=bar><div style='width:{record['percent']:.1f}%'></div></div>\n",
    ]
    parts.append(f"<p>{escape(_window(record).strip())}</p>\n")
    for path, rules in record["files"].items():
        reached = sum(rule.reached > 0 for rule in rules)
        parts.append(
            f"<h2>{escape(path)}: {reached} of {len(rules)} rules reached</h2>\n<table><tr><th>packets<th>flows<th>first<th>last<th><th>\n"
        )
        parts += [_html_row(number, text, found) for number, text, found in _lines(path, rules, sources)]
        parts.append("</table>\n")
        missed = _missed_elements(record["sets"][path], rules)
        if missed:
            items = "".join(f"<li>line {line}: {escape(text)}\n" for line, text in missed)
            parts.append(f"<h2>{escape(path)}: elements of sets that no packet reached</h2>\n<ul>\n{items}</ul>\n")
    return "".join([*parts, "</html>\n"])


def _html_row(number: int, text: str, found: Sequence[RuleCount]) -> str:
    reached = [rule for rule in found if rule.reached]
    kind = "" if not found else " class=y" if len(reached) == len(found) else " class=p" if reached else " class=n"
    tip = f" title='{escape(chr(10).join(f'{rule.reached} packets: {rule.text}' for rule in found), quote=True)}'" if len(found) > 1 else ""
    firsts = [rule.first_ns for rule in found if rule.first_ns is not None]
    lasts = [rule.last_ns for rule in found if rule.last_ns is not None]
    cells = [
        count(sum(rule.reached for rule in found)) if reached else "never" if found else "",
        count(sum(rule.flows for rule in found)) if reached else "",
        _short(min(firsts)) if firsts else "",
        _short(max(lasts)) if lasts else "",
    ]
    return f"<tr{kind}{tip}>{''.join(f'<td>{each}' for each in cells)}<td class=l>{number}<td class=t>{escape(text)}\n"


def _lines(path: str, rules: Sequence[RuleCount], sources: Sources) -> list[tuple[int, str, Sequence[RuleCount]]]:
    """Number, text and rules of every line of a file; of a file that cannot be shown, the rules' own words."""
    by_line = _by_line(rules)
    if path not in sources:
        return [(rule.line, rule.text, [rule]) for rule in rules]
    return [(number, text.expandtabs(4), by_line.get(number, [])) for number, text in enumerate(sources[path], 1)]


def _by_line(rules: Sequence[RuleCount]) -> dict[int, list[RuleCount]]:
    lines: dict[int, list[RuleCount]] = {}
    for rule in rules:
        lines.setdefault(rule.line, []).append(rule)
    return lines


def _window(record: Mapping[str, Any]) -> str:
    """What the numbers rest on."""
    runs, frames = record["runs"], record["frames"]
    said = f"evidence: {count(frames)} frames in {runs} run{'s' * (runs != 1)}"
    return f"{said}, {_short(record['first_ns'])} to {_short(record['last_ns'])} UTC\n" if frames else f"{said}\n"


def _share(record: Mapping[str, Any]) -> str:
    said = f"{record['reached']} of {record['rules']} rules reached, {record['percent']:.1f} %"
    return said + (f"; {count(record['elements_reached'])} of {count(record['elements'])} elements of sets" if record["elements"] else "")


def _short(ns: int) -> str:
    """A time to the second."""
    return iso_time(ns)[:19].replace("T", " ")


_RENDERERS = {"text": _text, "html": _html, "lcov": _lcov}
#: Names of the forms.
FORMS = tuple(_RENDERERS)
