"""pcapaudit: an offline firewall laboratory.

The environment variable PCAPAUDIT_BUILD chooses which core runs: ``auto`` (default: compiled modules where they were built),
``pure`` (the ``.py`` files, for tests, coverage and the debugger) or ``compiled`` (an error where a module was not built).
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType

__all__ = ["__version__"]
__version__ = "0.1.0"


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


if os.environ.get("PCAPAUDIT_BUILD") == "pure":
    sys.meta_path.insert(0, _SourceFinder)
