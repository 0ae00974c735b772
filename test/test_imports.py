"""The one way: a layer imports only what stands to its right; text and runtime need neither torch nor ESPnet."""

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "espnet2_nix"
ALLOWED = {
    "bin": {
        "inference",
        "export",
        "evaluation",
        "warm_start",
        "student",
        "tasks",
        "data",
        "runtime",
        "text",
        "models",
        "server",
    },
    "inference": {"student", "tasks", "models", "losses", "data", "text"},
    "export": {"runtime", "student", "tasks", "models", "modules", "text"},
    "evaluation": {"student", "tasks", "models", "modules", "losses", "data", "text"},
    "warm_start": {"tasks", "models", "modules", "aligner", "data", "text"},
    "student": {"tasks", "models", "modules", "aligner", "text"},
    "tasks": {"models", "modules", "aligner", "losses", "text"},
    "models": {"modules", "aligner", "losses"},
    "modules": {"losses"},
    "aligner": {"modules"},  # masks
    "losses": set(),
    "data": {"text"},
    "server": {"runtime", "text"},
    "runtime": {"text"},
    "text": set(),
}
FREE = {"espnet2_nix", "version"}  # modules at the top of the package
LEAVES = {  # modules at the ground, which every layer may import; what they themselves import of the package
    "errors": set(),
    "files": {"errors"},
    "systems": {"errors"},
    "voice_format": {"errors", "files", "text"},
}


def arrows_to_the_left(package):
    """Every import of a layer by one that stands to its right, as `file imports layer`."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if len(parts) == 1 and path.stem not in LEAVES:
            continue
        leaves = {leaf for leaf, own in LEAVES.items() if parts[0] not in own}
        allowed = LEAVES[path.stem] if len(parts) == 1 else {parts[0], *ALLOWED[parts[0]], *FREE, *leaves}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                if not name.startswith("espnet2_nix."):
                    continue
                layer = name.split(".")[1]
                if layer not in allowed:
                    wrong.append(f"{'/'.join(parts)} imports {layer}")
    return wrong


def test_every_folder_has_its_place():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ALLOWED)


def test_the_design_page_names_every_room_and_leaf():
    page = (PACKAGE.parent / "docs" / "design.md").read_text(encoding="utf-8")
    table = page.split("## The house")[1].split("**The trip of a clip**")[0]
    assert [room for room in ALLOWED if f"`{room}/`" not in table] == []
    assert [leaf for leaf in LEAVES if f"`{leaf}.py`" not in table] == []
    named = re.findall(r"`([a-z_]+/[a-z_]+\.py)`", page)
    assert named
    assert [path for path in named if not any((root / path).is_file() for root in (PACKAGE, PACKAGE.parent))] == []


def test_the_arrows_make_no_circle():
    order = list(graphlib.TopologicalSorter(ALLOWED | LEAVES).static_order())  # raises CycleError
    assert order.index("models") < order.index("tasks") < order.index("warm_start") < order.index("bin")


def test_no_arrow_points_to_the_left():
    assert arrows_to_the_left(PACKAGE) == []


@pytest.mark.parametrize(
    "statement", ["from espnet2_nix.models.load_teacher import load_teacher", "import espnet2_nix.bin.pack"]
)
def test_a_planted_arrow_is_found(tmp_path, statement):
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "planted.py").write_text(f"def f():\n    {statement}\n", encoding="utf-8")
    assert len(arrows_to_the_left(tmp_path)) == 1


def test_a_planted_arrow_from_the_ground_is_found(tmp_path):
    (tmp_path / "errors.py").write_text("from espnet2_nix.runtime import Voice\n", encoding="utf-8")
    assert arrows_to_the_left(tmp_path) == ["errors.py imports runtime"]


def test_the_ground_is_there_and_light():
    assert {path.stem for path in PACKAGE.glob("*.py")} - FREE - {"__init__"} == set(LEAVES)
    code = BLOCK + "import importlib\n" + "".join(f"import espnet2_nix.{leaf}\n" for leaf in LEAVES)
    subprocess.run([sys.executable, "-c", code], check=True)


BLOCK = """
import socket, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "espnet", "espnet2"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
def refuse(*args, **kwargs):
    raise OSError("the network is blocked")
socket.socket.connect = refuse
"""


@pytest.mark.parametrize("layer", ["text", "runtime", "server", "data"])
def test_imports_without_torch_espnet_and_network(layer):
    modules = [f"espnet2_nix.{layer}"] + [
        f"espnet2_nix.{layer}.{path.stem}" for path in (PACKAGE / layer).glob("*.py") if path.stem != "__init__"
    ]
    code = BLOCK + f"import importlib\nfor name in {modules!r}:\n    importlib.import_module(name)\n"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_neither_torch_nor_espnet():
    code = "import sys, espnet2_nix; assert not {'torch', 'espnet2', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
