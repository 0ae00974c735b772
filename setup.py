"""Builds the one native module, monotonic alignment search, and the source archive (everything else is in pyproject.toml)."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

# What a checkout holds besides the package: from the source archive the recipes run and the checks pass as from a clone.
CHECKOUT = [
    ".ci",
    "Dockerfile",
    "compose.yaml",
    "Makefile",
    "CHANGELOG.md",
    "README.md",
    "README.ko.md",
    "benchmarks",
    "docs",
    "egs2",
    "test",
    "tools",
    "voices",
    "cmd.sh",
    "conf",
    "local",
    "path.sh",
    "run.sh",
]
PYTHON_CACHE = shutil.ignore_patterns("__pycache__", "*.pyc", "*.egg-info")
MADE_BY_RUNS = shutil.ignore_patterns(
    "__pycache__", "data", "dump", "exp", "downloads", "kept", "*.pyc", "*.zip", "*.wav"
)
OPENMP_FLAG = "/openmp" if sys.platform == "win32" else "-fopenmp"


class BuildExt(build_ext):
    """Adds OpenMP where the compiler has it; the extension works on one thread without."""

    def build_extensions(self) -> None:
        if self._has_openmp():
            for extension in self.extensions:
                extension.extra_compile_args.append(OPENMP_FLAG)
                if sys.platform != "win32":
                    extension.extra_link_args.append(OPENMP_FLAG)
        super().build_extensions()

    def _has_openmp(self) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "probe.c")
            with open(source, "w") as f:
                f.write("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([source], output_dir=folder, extra_postargs=[OPENMP_FLAG])
                self.compiler.link_executable(objects, os.path.join(folder, "probe"), extra_postargs=[OPENMP_FLAG])
            except Exception:  # distutils raises compiler-specific classes; any of them means "no"
                return False
        return True


class Sdist(sdist):
    """Adds the recipes, documents, tests and tools, symbolic links as such: a manifest would follow them."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        here = Path(__file__).resolve().parent
        for name in CHECKOUT:
            source, target = here / name, Path(base_dir) / name
            if source.is_dir() and not source.is_symlink():
                shutil.rmtree(target, ignore_errors=True)
                # data is what stage 1 writes in a recipe, and a folder of tests elsewhere.
                shutil.copytree(source, target, symlinks=True, ignore=MADE_BY_RUNS if name == "egs2" else PYTHON_CACHE)
            elif source.is_symlink() or source.is_file():
                target.unlink(missing_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)


def extensions() -> list[Extension]:
    """The native module; optional, since speaking needs no compiler, and the aligner says so where it is missing."""
    found = cythonize(
        [
            Extension(
                "espnet2_nix.aligner._monotonic_alignment",
                ["espnet2_nix/aligner/_monotonic_alignment.pyx"],
                include_dirs=[np.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
            )
        ],
        language_level=3,
    )
    for extension in found:
        extension.optional = True  # here and not above: cythonize makes new objects and does not hand this on
    return found


setup(cmdclass={"build_ext": BuildExt, "sdist": Sdist}, ext_modules=extensions())
