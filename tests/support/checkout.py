"""The checkout under test: its folders, its modules, what they import and declare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pcapaudit"
TESTS = ROOT / "tests"

_CIMPORT = re.compile(r"^\s*from\s+([\w.]+)\s+cimport\b|^\s*cimport\s+([\w.]+)", re.M)


def modules() -> list[Path]:
    """Every ``.py`` file of the package, sorted."""
    return sorted(PACKAGE.rglob("*.py"))


def declarations() -> list[Path]:
    """Every ``.pxd`` file of the package, sorted."""
    return sorted(PACKAGE.rglob("*.pxd"))


def relative(path: Path) -> str:
    """How test ids and messages name a file."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import in a ``.py`` file, lazy ones too, or of every cimport in a ``.pxd``.

    ``from pcapaudit.core import columns`` yields both ``pcapaudit.core`` and ``pcapaudit.core.columns``: the name may be a module.
    """
    if path.suffix == ".pxd":
        text = path.read_text(encoding="utf-8")
        for match in _CIMPORT.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match[1] or match[2]
        return
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *((node.module,) if node.module else ())))
            yield node.lineno, module
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def has_code(path: Path) -> bool:
    """Whether a module holds more than a docstring, imports and names for ``import *``."""
    return any(not _is_plain(node) for node in tree(path).body)


def _is_plain(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and all(
        isinstance(each, ast.Name) and each.id in {"__all__", "__version__"} for each in node.targets
    )
