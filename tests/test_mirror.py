"""The tests mirror the package: ``pcapaudit/a/b.py`` is tested by ``tests/a/test_b.py``.

``__init__`` and ``__main__`` lose their underscores. A module may have further files, ``tests/a/test_b_<aspect>.py``.
"""

from __future__ import annotations

import pytest
from checkout import PACKAGE, TESTS, has_code, modules, relative


def mirror(path):
    """The test file of a module."""
    return TESTS / path.relative_to(PACKAGE).parent / f"test_{path.stem.strip('_')}.py"


@pytest.mark.parametrize("path", [each for each in modules() if has_code(each)], ids=relative)
def test_every_module_has_its_test_file(path):
    """A module with code has a file of tests at the mirrored place."""
    assert mirror(path).is_file(), f"{relative(path)} needs {relative(mirror(path))}"


def test_every_test_file_has_its_module():
    """No test file outlives its module: files in a part's folder begin with the name of one."""
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    orphans = [
        relative(path)
        for part in sorted(parts)
        for path in sorted((TESTS / part).rglob("test_*.py"))
        if not any(
            path.stem == f"test_{module.stem.strip('_')}" or path.stem.startswith(f"test_{module.stem.strip('_')}_")
            for module in (PACKAGE / path.relative_to(TESTS).parent).glob("*.py")
        )
    ]
    assert not orphans
