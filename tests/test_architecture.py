"""Imports run one way, downward: read from the source with ast, so nothing is executed."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "neuroparallel"

# From low to high; a unit is a module or a folder of the package. One may import its own row
# and those above it in this list (that is, those below it in the house). A new unit has to be
# placed here before the test passes: that is the moment to ask where it belongs.
LAYERS = (
    ("errors", "seeding", "user_code"),
    ("timing", "outcomes"),
    ("registry",),
    ("records",),
    ("task",),
    ("trial", "tasks", "rules", "analysis"),
    ("modifiers",),
    ("plotting",),
    ("engine",),
    ("scenario",),
    ("agents",),
    ("wrappers",),  # below environments: a scenario lists its wrappers, and factories apply them
    ("environments",),
    ("rllib", "testkit"),
    ("reporting", "benchmark"),
    ("cli", "__main__", "__init__"),
)
LEVEL = {unit: level for level, row in enumerate(LAYERS) for unit in row}

# Who alone may import a heavy library, wherever in the file the import stands.
ONLY_IN = {"ray": {"rllib"}, "torch": {"rllib"}, "matplotlib": {"plotting"}}

# What a unit must never import, though its layer would allow it or it is not ours.
NEVER = {
    "engine": {"pettingzoo", "yaml", "pydantic"},
    "tasks": {"pettingzoo", "gymnasium", "yaml"},
    "task": {"pettingzoo", "gymnasium", "yaml"},
}
# Analysis reads an animal's records as well: of ours it knows the records and the errors only.
ONLY_OURS = {"analysis": {"analysis", "records", "errors"}}


def unit_of(path):
    """'engine' for engine/batch.py, 'cli' for cli.py."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def resolve(node, path):
    """The absolute dotted name from which ``node`` imports."""
    if node.level == 0:
        return node.module or ""
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join((*base, node.module) if node.module else base)


def exists(unit):
    return (PACKAGE / f"{unit}.py").exists() or (PACKAGE / unit).is_dir()


def targets(node, path):
    """The dotted names that an import statement asks for, or a call that imports a module by its name."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        return [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if isinstance(node, ast.ImportFrom):
        base = resolve(node, path)
        if base == "neuroparallel":  # `from neuroparallel import engine` asks for the engine
            return [f"{base}.{alias.name}" if exists(alias.name) else base for alias in node.names]
        return [base]
    return []


def waits(node):
    """True of what does not run at import: function bodies, and what only a type checker reads."""
    typing_only = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    return typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imports(path, at_import_only=False):
    """(line, dotted name) of every import in a file, wherever it stands."""
    found = []
    nodes = [ast.parse(path.read_text(encoding="utf-8"), filename=str(path))]
    while nodes:
        node = nodes.pop()
        found += [(node.lineno, name) for name in targets(node, path)]
        if not (at_import_only and waits(node)):
            nodes += ast.iter_child_nodes(node)
    return sorted(found)


def our_unit(name):
    """'engine' for neuroparallel.engine.batch, '__init__' for neuroparallel, else None."""
    top, _, rest = name.partition(".")
    if top != "neuroparallel":
        return None
    return rest.partition(".")[0] or "__init__"


FILES = sorted(PACKAGE.rglob("*.py"))
IMPORTS = {path: imports(path) for path in FILES}


def offences(is_offence):
    """'file:line imports name' for every import of which ``is_offence(unit, name)`` is true."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, found in IMPORTS.items()
        for line, name in found
        if is_offence(unit_of(path), name)
    ]


def test_every_module_has_its_place_in_the_layers():
    units = {unit_of(path) for path in FILES}
    assert units <= set(LEVEL), f"place in LAYERS: {sorted(units - set(LEVEL))}"


def test_imports_run_downward():
    def upward(unit, name):
        target = our_unit(name)
        # The scenarios folder is data: it imports nothing, and who reads it is in the layers.
        if target is None or target == "scenarios":
            return False
        return LEVEL.get(target, -1) > LEVEL.get(unit, len(LAYERS))

    assert offences(upward) == []


def test_no_two_units_need_each_other_to_be_imported():
    below = {}
    for path in FILES:
        names = {our_unit(name) for _, name in imports(path, at_import_only=True)}
        below.setdefault(unit_of(path), set()).update(names - {None, unit_of(path)})
    pairs = {tuple(sorted((a, b))) for a, names in below.items() for b in names if a in below.get(b, ())}
    assert pairs == set()


MODULES = {".".join(module_of(path)): path for path in FILES}
# Modules that need each other, wherever in them the imports stand: a task is given a trial, and a trial has a task.
NEED_EACH_OTHER = [["neuroparallel.task.task", "neuroparallel.task.trial"]]
# Folders that still have circles of their own; strike one out when it has none.
CIRCLES_WITHIN = ("neuroparallel.engine.", "neuroparallel.rllib.")


def modules_named(node, path):
    """The modules of ours that an import statement loads: ``from neuroparallel.cli import train`` loads cli.train."""
    names = targets(node, path)
    if isinstance(node, ast.ImportFrom):
        base = resolve(node, path)
        inner = [f"{base}.{alias.name}" for alias in node.names]
        names = [name if name in MODULES else base for name in inner]
    return {name for name in names if name in MODULES}


def needs(path):
    return {name for node in ast.walk(ast.parse(path.read_text("utf-8"))) for name in modules_named(node, path)}


def circles(graph):
    """The largest sets of modules in which each one needs all others, directly or not."""
    reached = {}
    for start in graph:
        seen, waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        reached[start] = seen
    found = {frozenset({b for b in reached[a] if a in reached[b]}) for a in graph if a in reached[a]}
    return sorted(map(sorted, found))


def test_no_modules_need_each_other_wherever_the_imports_stand():
    found = circles({name: needs(path) - {name} for name, path in MODULES.items()})
    strange = [circle for circle in found if circle not in NEED_EACH_OTHER]
    assert [c for c in strange if not any(all(name.startswith(place) for name in c) for place in CIRCLES_WITHIN)] == []


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == [["b", "c"]]


def test_imports_inside_functions_and_by_name_are_seen():
    code = """
def late():
    from neuroparallel.cli import train
    importlib.import_module("neuroparallel.tasks")
if TYPE_CHECKING:
    from neuroparallel.engine.layout import Layout
"""
    found = {name for node in ast.walk(ast.parse(code)) for name in targets(node, PACKAGE / "errors.py")}
    assert found == {"neuroparallel.cli", "neuroparallel.tasks", "neuroparallel.engine.layout"}


def test_few_modules_lie_loose_at_the_top():
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(loose) <= 7, sorted(loose)


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items())
def test_heavy_libraries_are_imported_in_one_place_only(library, homes):
    def strays(unit, name):
        return name.partition(".")[0] == library and unit not in homes

    assert offences(strays) == []


@pytest.mark.parametrize(("unit", "libraries"), NEVER.items())
def test_a_unit_stays_ignorant_of_what_is_not_its_business(unit, libraries):
    def forbidden(where, name):
        return where == unit and name.partition(".")[0] in libraries

    assert offences(forbidden) == []


@pytest.mark.parametrize(("unit", "allowed"), ONLY_OURS.items())
def test_analysis_knows_only_records(unit, allowed):
    def knows_more(where, name):
        target = our_unit(name)
        return where == unit and target is not None and target not in allowed

    assert offences(knows_more) == []


def test_relative_imports_are_resolved_like_python_does(tmp_path):
    node = ast.parse("from ..errors import X").body[0]
    assert resolve(node, PACKAGE / "engine" / "batch.py") == "neuroparallel.errors"
    assert resolve(node, PACKAGE / "engine" / "__init__.py") == "neuroparallel.errors"
