"""Compiles the hot path that ``pyproject.toml`` lists; everything else is configured there.

PCAPAUDIT_BUILD=pure skips the compiler: the package then runs uncompiled, with the same results and some hundred times slower.

Each module would carry Cython's memoryview code, three quarters of its C: it is compiled once, as ``pcapaudit._cyutility``, and shared.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

MISSING = """
pcapaudit: the compiled core could not be built: {error}
It needs a C compiler and the Python headers. On Debian and Ubuntu:  apt-get install gcc python3-dev
To install without the compiled core (same results, far slower), set PCAPAUDIT_BUILD=pure.
"""
SHARED = "pcapaudit._cyutility"
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
}
#: Methods of a class are called through a table of pointers from other modules, which gcc takes for "called from anywhere": without this
#: it inlines hardly any of the small ones that a packet passes through, and a packet costs eight per cent more instructions.
INLINE = "-finline-limit=2000"


class BuildCore(build_ext):
    """The stock command on all cores, with a message that says what to install when there is no working compiler."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            sys.exit(MISSING.format(error=error))


def extensions() -> list:
    """The modules of ``[tool.pcapaudit] compiled`` as extensions and what they share, or none in a pure build."""
    if os.environ.get("PCAPAUDIT_BUILD") == "pure":
        return []
    import Cython
    from Cython.Build import cythonize

    # A folder for each Cython: C files of two versions do not go together.
    folder = Path("build", f"cython-{Cython.__version__}")
    listed = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["pcapaudit"]["compiled"]
    built = cythonize(
        listed,
        build_dir=str(folder),
        compiler_directives=DIRECTIVES,
        nthreads=os.cpu_count() or 1,
        shared_utility_qualified_name=SHARED,
    )
    for each in built:
        each.extra_compile_args = ["-O3", "-g0", "-fno-strict-aliasing", INLINE]
    return [*built, shared(folder / "_cyutility.c")]


def shared(source: Path) -> Extension:
    """Cython's own code as an extension; nothing in it runs once a packet."""
    if not source.exists():
        subprocess.run([sys.executable, "-m", "cython", f"--generate-shared={source}"], check=True)
    return Extension(SHARED, [str(source)], extra_compile_args=["-O1", "-g0", "-fno-strict-aliasing"])


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildCore})
