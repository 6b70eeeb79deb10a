"""Importing the package obeys PCAPAUDIT_BUILD."""

from __future__ import annotations

import pytest
from interpreter import python

import pcapaudit
from pcapaudit import builds

WHERE = "from pcapaudit.core import columns; print(columns.__file__)"


def test_pure_build_imports_source():
    """With PCAPAUDIT_BUILD=pure a hot module comes from its .py file."""
    done = python("-c", WHERE, PCAPAUDIT_BUILD="pure")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("columns.py")


def test_compiled_build_imports_extensions_or_says_what_is_missing():
    """With PCAPAUDIT_BUILD=compiled a missing extension is an ImportError that names it, and what to run."""
    done = python("-c", WHERE, PCAPAUDIT_BUILD="compiled")
    missing = builds.uncompiled()
    if missing:
        assert done.returncode == 1
        assert missing[0] in done.stderr
        assert "pip install ." in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().endswith(".so")


def test_unknown_build_is_refused():
    """A misspelt PCAPAUDIT_BUILD does not silently mean auto."""
    done = python("-c", "import pcapaudit", PCAPAUDIT_BUILD="cmopiled")
    assert "expected auto, pure or compiled" in done.stderr


@pytest.mark.parametrize("build", ["auto", "pure"])
def test_import_is_light(build):
    """The package itself imports no NumPy: ``--help`` must not pay for it."""
    done = python("-c", "import sys, pcapaudit; print('numpy' in sys.modules)", PCAPAUDIT_BUILD=build)
    assert done.stdout.strip() == "False"


def test_uncompiled_run_without_cython_says_what_to_install():
    """The shadow module that hot modules import comes with Cython; without it the message is ours."""
    hidden = "import importlib.machinery as m; find = m.PathFinder.find_spec; "
    hidden += "m.PathFinder.find_spec = lambda name, *rest: None if name == 'cython' else find(name, *rest); import pcapaudit"
    done = python("-c", hidden, PCAPAUDIT_BUILD="pure")
    assert done.returncode == 1
    assert "pip install Cython" in done.stderr


def test_public_names_come_when_they_are_asked_for():
    """Every one of them; a name that there is not is an ordinary error."""
    done = python("-c", "import pcapaudit, sys; before = 'numpy' in sys.modules; pcapaudit.audit; print(before, 'numpy' in sys.modules)")
    assert done.stdout.split() == ["False", "True"]
    assert {name: getattr(pcapaudit, name) for name in pcapaudit.__all__}
    assert set(pcapaudit.__all__) <= set(dir(pcapaudit))
    with pytest.raises(AttributeError, match="nothing"):
        _ = pcapaudit.nothing
