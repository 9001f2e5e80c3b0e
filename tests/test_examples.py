"""Every example runs as it stands, with a small budget; the pictures and files of the README are there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
HEAVY = re.compile(r"npar\.rllib|import ray|from ray")
MOST_LINES = 59  # under 60


def _cases():
    for file in EXAMPLES:
        marks = [pytest.mark.slow] + [pytest.mark.rllib] * bool(HEAVY.search(file.read_text("utf-8")))
        yield pytest.param(file, id=file.stem, marks=marks)


def test_there_are_examples_and_their_numbers_have_no_gap():
    assert [int(file.name[:2]) for file in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


@pytest.mark.parametrize("example", list(_cases()))
def test_an_example_runs(example, tmp_path, fresh_environ):
    environ = {**fresh_environ, "NEUROPARALLEL_EXAMPLE_BUDGET": "1", "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, example], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_short_and_listed(example):
    assert len(example.read_text("utf-8").splitlines()) <= MOST_LINES
    assert f"({example.name})" in (ROOT / "examples" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")), ids=lambda p: p.name)
def test_the_links_and_pictures_of_a_page_exist(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    missing = [link for link in local if not (page.parent / os.path.normpath(link)).exists()]
    assert missing == []


def test_the_scenario_in_the_readme_is_the_shipped_one():
    import yaml

    import neuroparallel as npar

    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    shown = npar.Scenario.load(yaml.safe_load(blocks[0])).dump()
    shipped = npar.Scenario.load("dpa_gng").dump()
    for key in ("dt", "subjects", "groups", "train"):
        assert shown[key] == shipped[key]
