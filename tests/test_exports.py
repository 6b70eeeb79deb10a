"""``__all__`` is complete: it names every public class, function and constant of a module, sorted, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib

import pytest
from checkout import ROOT, has_code, modules, relative, tree

from pcapaudit import builds

#: A script has no importers.
EXEMPT = {"pcapaudit/__main__.py"}


def is_constants(path):
    """Whether a module holds constants only, with a twin for the compiled modules: all its names are public, and a test compares them."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return path.with_suffix(".pxd").exists() and dotted not in builds.hot_modules()


CHECKED = [each for each in modules() if has_code(each) and relative(each) not in EXEMPT and not is_constants(each)]


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
