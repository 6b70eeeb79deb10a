"""The limits of what a reader can hold: functions of 80 lines, files of 700, six parameters (commands of the command line aside)."""

from __future__ import annotations

import ast

import pytest
from checkout import ROOT, TESTS, modules, relative, tree

FUNCTION_LINES = 80
FILE_LINES = 700
PARAMETERS = 6

#: Pure tables may be longer: file → why.
LONG_TABLES: dict[str, str] = {}

SCRIPTS = sorted([*(ROOT / "benchmarks").rglob("*.py"), *(ROOT / "captures").rglob("*.py")])


def functions(path):
    """Every function of a file, methods and nested ones too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def is_command(function):
    """Whether click calls the function: its parameters are the command's options."""
    names = {ast.unparse(each).split("(")[0].rsplit(".", 1)[-1] for each in function.decorator_list}
    return bool(names & {"command", "group"})


def parameter_count(function):
    """Parameters without ``self`` and ``cls``."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([each for each in every if each.arg not in {"self", "cls"}])


@pytest.mark.parametrize("path", [*modules(), *SCRIPTS, *sorted(TESTS.rglob("*.py"))], ids=relative)
def test_files_are_short(path):
    """Every file of the package, its tests and its scripts."""
    count = len(path.read_text(encoding="utf-8").splitlines())
    assert count <= FILE_LINES or relative(path) in LONG_TABLES, f"{relative(path)} has {count} lines"


@pytest.mark.parametrize("path", [*modules(), *SCRIPTS], ids=relative)
def test_functions_are_short_and_take_few_parameters(path):
    """Every function of the package and its scripts."""
    wrong = []
    for each in functions(path):
        lines = each.end_lineno - each.lineno + 1
        if lines > FUNCTION_LINES:
            wrong.append(f"{relative(path)}:{each.lineno}: {each.name} has {lines} lines")
        if parameter_count(each) > PARAMETERS and not is_command(each):
            wrong.append(f"{relative(path)}:{each.lineno}: {each.name} takes {parameter_count(each)} parameters")
    assert not wrong
