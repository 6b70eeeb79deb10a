"""Imports go downward only: a module may use the floors below its own, never one above, never a sibling part on the same floor.

cli
api                         (the library, and what the commands share)
report  regress  cluster  kernel
findings
replay
conntrack  rules            (rules needs core alone)
capture  wire
core
the package itself (version, which core is in use)
"""

from __future__ import annotations

import pytest
from checkout import PACKAGE, declarations, imported, modules, relative

FLOORS = (
    {"cli"},
    {"api"},
    {"report", "regress", "cluster", "kernel"},
    {"findings"},
    {"replay"},
    {"conntrack", "rules"},
    {"capture", "wire"},
    {"core"},
)
LEVEL = {part: len(FLOORS) - number for number, parts in enumerate(FLOORS) for part in parts}
#: Modules of the package itself, usable everywhere; they import nothing of it.
GROUND = {"builds"}
#: Modules of the package itself that hand on what others define, imported when it is asked for.
ENTRIES = {"__main__.py": {"cli"}, "__init__.py": {"api", "replay", "core"}}
#: Parts that may use less than their floor allows.
ONLY = {"rules": {"core"}}


def complaint(importer: str, target: str) -> str:
    """Why a module of part ``importer`` may not import part ``target``; empty if it may."""
    if target == importer or target in GROUND:
        return ""
    if target not in LEVEL:
        return f"{target} stands on no floor"
    if importer in ONLY and target not in ONLY[importer]:
        return f"{importer} needs {', '.join(sorted(ONLY[importer]))} alone"
    if LEVEL[target] >= LEVEL[importer]:
        return f"{target} is not below {importer}"
    return ""


def part_of(dotted: str) -> str | None:
    """The part of the package that a dotted name belongs to, None for other packages, for ``pcapaudit`` itself and its attributes."""
    names = dotted.split(".")
    if names[0] != "pcapaudit" or len(names) == 1:
        return None
    return names[1] if (PACKAGE / names[1]).is_dir() or names[1] in GROUND else None


def test_every_folder_has_a_floor():
    """A new part of the package is placed before it is used."""
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= set(LEVEL)


@pytest.mark.parametrize("path", [*modules(), *declarations()], ids=relative)
def test_imports_go_down(path):
    """Every import and cimport of every module, at the top or lazy."""
    inside = path.relative_to(PACKAGE).parts
    importer = inside[0] if len(inside) > 1 else ""
    found = [(line, dotted, part_of(dotted)) for line, dotted in imported(path)]
    if not importer:
        allowed = GROUND | ENTRIES.get(path.name, set())
        wrong = [f"{relative(path)}:{line}: {dotted}" for line, dotted, part in found if part and part not in allowed]
    else:
        wrong = [f"{relative(path)}:{line}: {dotted}: {why}" for line, dotted, part in found if part and (why := complaint(importer, part))]
    assert not wrong


@pytest.mark.parametrize(
    ("importer", "target", "allowed"),
    [
        ("cli", "report", True),
        ("api", "cli", False),
        ("replay", "conntrack", True),
        ("wire", "core", True),
        ("core", "wire", False),
        ("wire", "capture", False),
        ("conntrack", "rules", False),
        ("rules", "wire", False),
        ("rules", "core", True),
        ("findings", "report", False),
    ],
)
def test_the_check_itself(importer, target, allowed):
    """The rule that the other test applies."""
    assert (complaint(importer, target) == "") is allowed
