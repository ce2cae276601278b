"""The house keeps its rules: who may import whom, and what stays unloaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "specc").rglob("*.py"))

FLOORS = (
    {"diagnostics"},
    {"codes", "tree", "tensors", "calls"},
    {"catalog"},
    {"kinds", "shapes", "text"},
    {"schema", "expressions", "plan"},
    {"memory", "data", "emit"},
    {"passes", "backend", "render", "cluster"},
    {"driver"},
    {""},  # specc/__init__.py, the public API
    {"cli"},
    {"pytest"},  # the plug-in for it
    {"__main__"},
)
"""A part imports from the floors below its own and not from its neighbours: backend and render know no pass."""

LATE = {
    "specc/driver.py",
    "specc/backend/__init__.py",
    "specc/cli/program.py",
    "specc/kinds/__init__.py",
    "specc/kinds/arrays.py",
    "specc/shapes/__init__.py",
}
"""Where modules are imported by name: the backend, TensorFlow itself, a command, a word, a shape rule."""


def imports(file: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every module that a file imports, also inside functions; what only a type checker sees is left out."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node, inner if _is_module(inner) else str(node.module)
        else:
            waiting += ast.iter_child_nodes(node)


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part(name: str) -> str:
    """The part of the house a module belongs to: `passes` of `specc.passes.read`."""
    return name.partition(".")[2].partition(".")[0]


def ours(name: str) -> bool:
    return name == "specc" or name.startswith("specc.")


def test_every_part_of_the_house_has_a_floor():
    assert {part(module(f)) for f in FILES} == set().union(*FLOORS)


def test_a_part_knows_only_the_floors_below_it():
    floor = {name: i for i, names in enumerate(FLOORS) for name in names}
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno} imports {name}"
        for file in FILES
        for node, name in imports(file)
        if ours(name) and part(name) != part(module(file)) and floor[part(name)] >= floor[part(module(file))]
    ]
    assert wrong == []


def test_passes_do_not_import_one_another():
    def pass_of(name: str) -> str:
        return ".".join(name.split(".")[:3])

    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno} imports {name}"
        for file in FILES
        if part(module(file)) == "passes"
        for node, name in imports(file)
        if part(name) == "passes" and ours(name) and pass_of(name) != pass_of(module(file))
    ]
    assert wrong == []


def test_no_module_is_in_a_cycle_of_imports():
    graph = {module(f): {name for _, name in imports(f) if ours(name) and name != module(f)} for f in FILES}
    TopologicalSorter(graph).prepare()


def test_only_the_backend_imports_tensorflow_and_keras():
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        if part(module(file)) != "backend"
        for node, name in imports(file)
        if name.partition(".")[0] in ("tensorflow", "keras")
    ]
    assert wrong == []


def test_nothing_of_ours_is_imported_inside_a_function():
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node, name in imports(file)
        if ours(name) and node.col_offset > 0
    ]
    late = {str(f.relative_to(ROOT)) for f in FILES if "import_module(" in f.read_text(encoding="utf-8")}
    assert wrong == []
    assert late == LATE


def test_no_file_is_longer_than_five_hundred_lines():
    long = {str(f.relative_to(ROOT)) for f in FILES if len(f.read_text(encoding="utf-8").splitlines()) > 500}
    assert long == set()


SPEC = "examples/digits.yaml"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["validate", "examples"],
        ["validate", "--format", "json", SPEC],
        ["validate", "--format", "sarif", SPEC],
        ["summary", SPEC],
        ["summary", "--format", "json", SPEC],
        ["fmt", "--check", SPEC],
        ["emit", SPEC],
        ["explain", "S302"],
        ["manifest", "slurm", SPEC],
        ["schema"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_no_tensorflow_does_not_load_it(arguments: list[str]):
    program = (
        "import sys\n"
        "from specc.cli.entry import status\n"
        "ended = status(sys.argv[1:])\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'jsonschema', 'pyarrow', 'PIL'} & set(sys.modules)\n"
        "print(sorted(heavy), ended, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr.splitlines()[-1] == "[] 0", done.stderr
