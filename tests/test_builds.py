"""The core that runs is the one that the checkout describes: nothing stale, nothing left out."""

from __future__ import annotations

import importlib
import os
import tomllib
from pathlib import Path

import pytest
from checkout import PACKAGE, ROOT

import pcapaudit
from pcapaudit import builds

IMPORTED = Path(pcapaudit.__file__).parent
BUILD = os.environ.get("PCAPAUDIT_BUILD", "auto")
IN_PLACE = IMPORTED == PACKAGE

REINSTALL = "the installed package is not this checkout: run  rm -rf build && pip install --force-reinstall --no-deps ."
REBUILD = "stale compiled modules: run  python setup.py build_ext --inplace  (or remove them: find pcapaudit -name '*.so' -delete)"


def listed():
    """Dotted names of ``[tool.pcapaudit] compiled``."""
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pcapaudit"]["compiled"]
    return [name.removesuffix(".py").replace("/", ".") for name in files]


def contents(folder):
    """Every source file of a package by relative name."""
    files = [path for suffix in ("*.py", "*.pxd", "*.lark", "*.nft", "*.toml") for path in folder.rglob(suffix)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_compiled_list_names_the_hot_modules():
    """What pyproject.toml compiles is what has C declarations beside it."""
    assert sorted(listed()) == builds.hot_modules()
    assert len(set(listed())) == len(listed())


def test_installed_package_is_this_checkout():
    """A stale install would pass tests of code that is not here."""
    installed, here = contents(IMPORTED), contents(PACKAGE)
    differing = sorted(name for name in installed.keys() | here.keys() if installed.get(name) != here.get(name))
    assert not differing, REINSTALL


@pytest.mark.skipif(not IN_PLACE, reason="build: the package is installed, not built in place")
def test_no_extension_is_older_than_its_source():
    """A stale .so wins over an edited .py: it is refused."""
    stale = []
    for source in PACKAGE.rglob("*.py"):
        twins = [each for each in source.parent.glob(f"{source.stem}.*.so") if each.is_file()]
        newest = max(each.stat().st_mtime for each in (source, source.with_suffix(".pxd")) if each.exists())
        stale += [each.name for each in twins if each.stat().st_mtime < newest]
    assert BUILD == "pure" or not stale, REBUILD


def test_no_extension_without_its_source():
    """An extension whose module was moved or struck off the list would still be imported. What all of them share has no source of ours."""
    known = {*listed(), "pcapaudit._cyutility"}
    orphans = [
        path.name
        for path in IMPORTED.rglob("*.so")
        if ".".join((*path.parent.relative_to(IMPORTED.parent).parts, path.name.split(".")[0])) not in known
    ]
    assert BUILD == "pure" or not orphans, REBUILD


def test_core_in_use_is_all_or_nothing():
    """Never half compiled: either every hot module or none."""
    assert builds.core_in_use() in {"compiled", "pure"}, f"not compiled: {builds.uncompiled()}. {REBUILD}"


@pytest.mark.parametrize("name", listed())
def test_hot_module_comes_from_the_core_in_use(name):
    """What is imported is what ``--version`` says."""
    module = importlib.import_module(name)
    assert module.__file__.endswith(".py" if builds.core_in_use() == "pure" else ".so")


def test_pure_build_is_chosen_when_asked():
    """The pure run of the suite really is one."""
    assert BUILD != "pure" or builds.core_in_use() == "pure"


def test_constants_are_not_hot(tmp_path, monkeypatch):
    """A .pxd with nothing but an enum asks for no compiled twin; one with a C class does."""
    package = tmp_path / "pcapaudit"
    package.mkdir()
    (package / "numbers.pxd").write_text("cdef enum:\n    A = 1\n")
    (package / "engine.pxd").write_text("cdef class Engine:\n    cdef int x\n")
    monkeypatch.setattr(builds, "_package", lambda: package)
    assert builds.hot_modules() == ["pcapaudit.engine"]
    assert builds.uncompiled() == ["pcapaudit.engine"]
