"""Compiles the hot path that ``pyproject.toml`` lists; everything else is configured there.

PCAPAUDIT_BUILD=pure skips the compiler: the package then runs uncompiled, with the same results and some hundred times slower.
"""

import os
import sys
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

MISSING = """
pcapaudit: the compiled core could not be built: {error}
It needs a C compiler and the Python headers. On Debian and Ubuntu:  apt-get install gcc python3-dev
To install without the compiled core (same results, far slower), set PCAPAUDIT_BUILD=pure.
"""


class BuildCore(build_ext):
    """The stock command, with a message that says what to install when there is no working compiler."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            sys.exit(MISSING.format(error=error))


def extensions() -> list:
    """The modules of ``[tool.pcapaudit] compiled`` as extensions, or none in a pure build."""
    if os.environ.get("PCAPAUDIT_BUILD") == "pure":
        return []
    from Cython.Build import cythonize

    listed = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["pcapaudit"]["compiled"]
    directives = {
        "language_level": 3,
        "boundscheck": False,
        "wraparound": False,
        "initializedcheck": False,
        "cdivision": True,
        "infer_types": False,
    }
    built = cythonize(listed, build_dir="build", compiler_directives=directives, nthreads=os.cpu_count() or 1)
    for each in built:
        each.extra_compile_args = ["-O3", "-fno-strict-aliasing"]
    return built


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildCore})
