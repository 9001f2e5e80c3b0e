"""The built wheel holds every subpackage and the scenarios, and works away from the checkout."""

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_subpackage_is_on_the_hand_written_list(setup):
    listed = setup["options"]["packages"].split()
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "neuroparallel").rglob("*.py")}
    assert listed == sorted(found | {"neuroparallel.scenarios"})


def test_setup_cfg_alone_holds_the_metadata():
    # setuptools ignores most of setup.cfg as soon as pyproject.toml has a [project] table.
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("[project")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy, so that no build folder is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for folder in ("neuroparallel", "scenarios"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = source / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    # Without isolation, which would need the network: setuptools is in the extra `test`.
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_code_types_and_scenarios(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    code = {str(p.relative_to(ROOT)) for p in (ROOT / "neuroparallel").rglob("*.py")}
    scenarios = {f"neuroparallel/scenarios/{p.name}" for p in (ROOT / "scenarios").glob("*.yaml")}
    assert scenarios
    assert code | scenarios | {"neuroparallel/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "scenarios/"))]


@pytest.mark.slow
def test_the_installed_wheel_loads_every_scenario_away_from_the_checkout(wheel, tmp_path):
    site = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", "--target", site, wheel)
    code = (
        "import neuroparallel as npar\n"
        "names = npar.list_scenarios()\n"
        "for name in names:\n"
        "    npar.Scenario.load(name)\n"
        "print(npar.__file__, *names)"
    )
    environ = {**os.environ, "PYTHONPATH": str(site)}
    printed = run(sys.executable, "-c", code, cwd=tmp_path, env=environ).split()
    where, *loaded = printed
    assert Path(where).is_relative_to(site)
    assert set(loaded) >= {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}


def test_the_version_is_the_same_everywhere(setup):
    import neuroparallel

    version = setup["metadata"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert neuroparallel.__version__ == version
    assert f"## {version}" in changelog
