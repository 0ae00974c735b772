"""What is installed without a compiler; the whole of it, from a source archive into a fresh Python, is tools/runtime_check.sh."""

import subprocess
import sys

from conftest import ROOT


def run(code, **kwargs):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, **kwargs)


def test_setuptools_may_leave_the_extension_out():
    # cythonize makes new extensions, as this stand-in does, and hands `optional` on in none of them.
    code = """
import runpy, sys, types
import setuptools

def cythonize(extensions, **options):
    return [setuptools.Extension(extension.name, extension.sources) for extension in extensions]

build = types.ModuleType("Cython.Build")
build.cythonize = cythonize
sys.modules.update({"Cython": types.ModuleType("Cython"), "Cython.Build": build})
setuptools.setup = lambda **options: print([extension.optional for extension in options["ext_modules"]])
runpy.run_path("setup.py")
"""
    out = run(code)
    assert out.stdout == "[True]\n", out.stderr


def test_training_without_the_extension_asks_for_a_compiler_in_one_sentence():
    code = (
        "import sys; sys.modules['espnet2_nix.aligner._monotonic_alignment'] = None; "
        "import espnet2_nix.aligner.monotonic_alignment"
    )
    out = run(code)
    assert out.returncode == 1
    last = out.stderr.splitlines()[-1]
    assert last.startswith("ImportError: training needs the compiled extension")
    assert "install" in last
    assert "compiler" in last
