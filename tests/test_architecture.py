"""The arrows of ARCHITECTURE.md: imports point one way, and the paths it names exist."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

# Each module may import those before it. `training` stands before everything that knows a run directory.
ORDER = (
    "errors",
    "torchrun",
    "files",
    "fields",
    "config",
    "presets",
    "failures",
    "events",
    "image_files",
    "datasets",
    "images",
    "animation",
    "downloads",
    "formats",
    "shaping",
    "colored",
    "image_cache",
    "data",
    "safe_names",
    "uploads",
    "clusters",
    "devices",
    "distributed",
    "graphs",
    "batches",
    "updates",
    "layers",
    "models",
    "anatomy",
    "losses",
    "turns",
    "training",
    "following",
    "reports",
    "real_digits",
    "records",
    "doctor",
    "run_directory",
    "runs",
    "family",
    "disk",
    "resume",
    "sampling",
    "players",
    "game",
    "onnx_export",
    "browser",
    "bundle",
    "latent",
    "effects",
    "figures",
    "html_export",
    "export",
    "classifier",
    "inversion",
    "distances",
    "references",
    "digit_view",
    "maps",
    "inception",
    "evaluation",
    "neighbours",
    "quality",
    "control",
    "recording",
    "session",
    "jobs",
    "tickets",
    "queue",
    "branching",
    "arguments",
    "cli",
    "__main__",
)
NEVER_IN_PAGES = {"torch", "torchvision", "numpy", "subprocess"}
WITHOUT_TORCH = (
    "config",
    "presets",
    "datasets",
    "uploads",
    "real_digits",
    "doctor",
    "records",
    "run_directory",
    "runs",
    "family",
    "disk",
    "jobs",
    "tickets",
    "queue",
    "branching",
    "files",
    "events",
)


def modules(folder: str) -> list[Path]:
    return sorted((PROJECT / folder).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Dotted names of all modules that `path` imports at run time, `from a import b` as both a and a.b."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {id(n) for i in ast.walk(tree) if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.unparse(i.test)
                 for n in ast.walk(i)}  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", modules("dcgan"), ids=lambda p: p.name)
def test_the_package_knows_nothing_of_the_app(path: Path) -> None:
    assert not packages(path) & {"streamlit", "ui", "pages", "plotly", "tests", "benchmarks"}


@pytest.mark.parametrize("path", [p for p in modules("dcgan") if p.stem != "__init__"], ids=lambda p: p.name)
def test_imports_in_the_package_point_one_way(path: Path) -> None:
    assert path.stem in ORDER, f"give {path.stem} its place in the order"
    inner = {name.split(".")[1] for name in imports(path) if name.startswith("dcgan.")} & set(ORDER)
    later = ORDER[ORDER.index(path.stem) :]
    assert not inner & set(later)


@pytest.mark.parametrize("path", modules("ui"), ids=lambda p: p.name)
def test_shared_parts_do_not_know_the_pages(path: Path) -> None:
    assert not packages(path) & {"pages", "tests", "benchmarks"}


@pytest.mark.parametrize("path", modules("pages"), ids=lambda p: p.name)
def test_pages_hold_layout_only(path: Path) -> None:
    assert not packages(path) & NEVER_IN_PAGES
    calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)}
    assert not {call for call in calls if call == "open" or call.endswith((".read_text", ".read_bytes"))}


def test_listing_runs_does_not_load_torch() -> None:
    code = f"import sys, {', '.join('dcgan.' + name for name in WITHOUT_TORCH)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "README.md"])
def test_paths_named_in_the_documents_exist(document: str) -> None:
    text = (PROJECT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:dcgan|ui|pages|tests|benchmarks|checkpoints|\.streamlit|\.ci)/[\w./-]*)`", text))
    named |= set(re.findall(r"\]\((?!http)([^)#]+)\)", text))
    missing = {name for name in named if not (PROJECT / name).exists()}
    assert named and not missing


def test_every_module_is_on_the_map() -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    files = [p.relative_to(PROJECT).as_posix() for folder in ("dcgan", "ui", "pages") for p in modules(folder)]
    assert not [name for name in files if not name.endswith("__init__.py") and f"`{name}`" not in text]
