"""Builds the one native module: monotonic alignment search (everything else is in pyproject.toml)."""

import os
import sys
import tempfile

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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


setup(
    cmdclass={"build_ext": BuildExt},
    ext_modules=cythonize(
        [
            Extension(
                "espnet2_nix.aligner._monotonic_alignment",
                ["espnet2_nix/aligner/_monotonic_alignment.pyx"],
                include_dirs=[np.get_include()],
                define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
                extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
                optional=True,  # speaking needs no compiler; the aligner says so where the extension is missing
            )
        ],
        language_level=3,
    ),
)
