"""Which core runs: the compiled modules, or the ``.py`` files beside them.

The environment variable PCAPAUDIT_BUILD chooses: ``auto`` (default: compiled modules where they were built), ``pure`` (the ``.py``
files, for tests, coverage and the debugger) or ``compiled`` (an ImportError where a module was not built).

A module is *hot*, that is made to be compiled, when a ``.pxd`` beside it declares C classes, functions or variables; a ``.pxd`` with
nothing but ``cdef enum``, inline functions and what these need of C is copied into the modules that use it, and its own module stays
Python.
``pyproject.toml`` lists the hot modules for the build.

Every start imports this module: what is not always needed is imported where it is.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["choose", "core_in_use", "hot_modules", "uncompiled"]

_C_DECLARATION = r"(?m)^\s*cp?def\s+(?!enum\b|inline\b|extern\b)"

_NOT_BUILT = """\
PCAPAUDIT_BUILD=compiled, but these modules are not compiled: {missing}
Build them with  pip install .  (or, in a checkout,  python setup.py build_ext --inplace); it needs gcc and the Python headers,
on Debian and Ubuntu  apt-get install gcc python3-dev.  PCAPAUDIT_BUILD=pure runs without them."""

_NO_CYTHON = """\
pcapaudit runs uncompiled here, and for that needs the package Cython (nothing will be compiled with it): pip install Cython
To get the compiled core instead, install gcc and the Python headers, then pcapaudit again."""


class _SourceFinder:
    """Finds this package's modules as source even where a compiled twin lies beside them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("pcapaudit."):
            return None
        loader = (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES)
        for folder in path or ():
            spec = importlib.machinery.FileFinder(folder, loader).find_spec(name)
            if spec is not None:
                return spec
        return None


def choose(build: str) -> None:
    """Make the import system follow PCAPAUDIT_BUILD (``build``), before any hot module is imported. ImportError if it cannot."""
    if build == "pure":
        sys.meta_path.insert(0, _SourceFinder)
    elif build == "compiled":
        if missing := uncompiled():
            raise ImportError(_NOT_BUILT.format(missing=", ".join(missing)))
    elif build != "auto":
        raise ImportError(f"PCAPAUDIT_BUILD={build}: expected auto, pure or compiled")
    if importlib.machinery.PathFinder.find_spec("cython") is None and core_in_use() != "compiled":
        raise ImportError(_NO_CYTHON)


def hot_modules() -> list[str]:
    """Dotted names of the modules made to be compiled, sorted."""
    import re

    package = _package()
    declared = (path for path in package.rglob("*.pxd") if re.search(_C_DECLARATION, path.read_text(encoding="utf-8")))
    return sorted(".".join(path.relative_to(package.parent).with_suffix("").parts) for path in declared)


def uncompiled() -> list[str]:
    """Hot modules that have no compiled twin."""
    return [name for name in hot_modules() if _extension(name) is None]


def core_in_use() -> str:
    """``compiled``, ``pure``, or ``mixed`` when only some of the hot modules are compiled."""
    if _SourceFinder in sys.meta_path:
        return "pure"
    missing = len(uncompiled())
    if not missing:
        return "compiled"
    return "pure" if missing == len(hot_modules()) else "mixed"


def _package() -> Path:
    """Folder of the package."""
    from pathlib import Path

    return Path(__file__).parent


def _extension(name: str) -> Path | None:
    base = _package().parent.joinpath(*name.split("."))
    candidates = (base.with_name(base.name + suffix) for suffix in importlib.machinery.EXTENSION_SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)
