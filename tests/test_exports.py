"""``__all__`` is complete: it names every public class, function and constant of a module, sorted, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib

import pytest
from checkout import PACKAGE, ROOT, has_code, modules, relative, tree

#: consts.py is one long list of names: ``__all__`` would repeat all of them.
EXEMPT = {"pcapaudit/core/consts.py": "every name is public", "pcapaudit/__main__.py": "a script"}

CHECKED = [each for each in modules() if has_code(each) and relative(each) not in EXEMPT]


def public_definitions(path):
    """Public classes and functions at the top of a module."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree(path).body if isinstance(node, kinds) and not node.name.startswith("_")}


def exported(path):
    """The value of ``__all__``, or None."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and any(isinstance(each, ast.Name) and each.id == "__all__" for each in node.targets):
            return ast.literal_eval(node.value)
    return None


@pytest.mark.parametrize("path", CHECKED, ids=relative)
def test_all_names_every_public_definition(path):
    """What a module defines in public is exported or gets an underscore."""
    names = exported(path)
    assert names is not None, f"{relative(path)} has no __all__"
    assert public_definitions(path) <= set(names)


@pytest.mark.parametrize("path", CHECKED, ids=relative)
def test_all_names_only_what_is_there(path):
    """Every exported name can be imported, in both builds."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(dotted)
    assert [name for name in exported(path) or () if not hasattr(module, name)] == []


def test_exempt_modules_exist():
    """An exemption goes with its module."""
    assert all((ROOT / name).is_file() for name in EXEMPT)
    assert PACKAGE.is_dir()
