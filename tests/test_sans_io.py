"""The engine is sans-IO: core, wire, conntrack, rules and replay open nothing, read no clock, draw no random number and print nothing.

Bytes, text and time come in as arguments, values come out; ``capture/`` and ``cli/`` do the rest.
"""

from __future__ import annotations

import ast

import pytest
from checkout import PACKAGE, modules, relative, tree

PARTS = ("core", "wire", "conntrack", "rules", "replay")

#: Modules whose import shows that something is opened, asked or awaited.
MODULES = {
    "asyncio",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "warnings",
}
CALLS = {"open", "print", "input", "breakpoint", "exec", "eval"}
METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "now", "utcnow", "today"}

#: (file, module or call) → why it may.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("pcapaudit/rules/load.py", "pathlib"): "a ruleset may include files: this module alone opens them",
    ("pcapaudit/rules/load.py", "read_bytes"): "likewise",
}


def uses(path):
    """(line, what) of everything in a file that reaches outside."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module and node.module.split(".")[0] in MODULES:
            yield node.lineno, node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.lineno, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield node.lineno, node.func.attr


@pytest.mark.parametrize("path", [each for each in modules() if each.relative_to(PACKAGE).parts[0] in PARTS], ids=relative)
def test_engine_reaches_nothing_outside(path):
    """No file, clock, random number, log or terminal."""
    name = relative(path)
    assert [f"{name}:{line}: {what}" for line, what in uses(path) if (name, what) not in EXCEPTIONS] == []


def test_exceptions_are_used():
    """An exception that nothing needs any more is struck out."""
    found = {(relative(path), what) for path in modules() for _, what in uses(path)}
    assert set(EXCEPTIONS) <= found
