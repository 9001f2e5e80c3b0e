"""Every Python block of the README and of docs/ runs, and every scenario in them validates."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")


class Block(NamedTuple):
    """A fenced block: its info string, the number of its first line, its text."""

    info: str
    line: int
    text: str


def blocks(text):
    """The fenced blocks of a Markdown text, in order."""
    found, opened = [], None
    for number, line in enumerate(text.splitlines(), start=1):
        match = FENCE.match(line)
        if opened is None and match:
            opened, body = (match, number + 1), []
        elif opened and match and closes(opened[0], match):
            code = textwrap.dedent("\n".join(body))
            found.append(Block(opened[0]["info"].strip(), opened[1], code))
            opened = None
        elif opened:
            body.append(line)
    return found


def closes(opening, line):
    """A fence ends with a bare one of the same kind, at least as long."""
    return line["fence"].startswith(opening["fence"]) and not line["info"].strip()


def script(python_blocks):
    """The blocks as one program in which every line keeps its number on the page."""
    lines = []
    for block in python_blocks:
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    return "\n".join(lines) + "\n"


PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if p.exists())
BLOCKS = {path: blocks(path.read_text(encoding="utf-8")) for path in PAGES}


def language(block):
    return re.split(r"[\s{,]", block.info, maxsplit=1)[0].lower()


def pages_with(*languages):
    found = [path for path in PAGES if any(language(b) in languages for b in BLOCKS[path])]
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize("page", pages_with("python"))
def test_the_python_blocks_of_a_page_run_one_after_another(page, tmp_path, fresh_environ):
    program = tmp_path / page.name.replace(".md", ".py")
    program.write_text(script([b for b in BLOCKS[page] if language(b) == "python"]), "utf-8")
    done = subprocess.run(
        [sys.executable, program.name],
        cwd=tmp_path,
        env=fresh_environ,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{page.relative_to(ROOT)}:\n{done.stderr}"


def test_no_python_block_asks_to_be_left_out():
    strays = [
        f"{path.relative_to(ROOT)}:{block.line - 1} ```{block.info}"
        for path in PAGES
        for block in BLOCKS[path]
        if language(block) in {"python", "py", "python3", "pycon"} and block.info != "python"
    ]
    assert strays == []


@pytest.mark.parametrize("page", pages_with("yaml", "yml"))
def test_the_scenarios_of_a_page_validate(page):
    import neuroparallel as npar

    for block in BLOCKS[page]:
        if language(block) in {"yaml", "yml"}:
            content = yaml.safe_load(block.text)  # whatever it is, it must at least be YAML
            if isinstance(content, dict) and "subjects" in content:
                assert isinstance(npar.Scenario.load(content), npar.Scenario)


def test_a_block_keeps_its_line_number_on_the_page():
    page = "# Title\n\n```python\nx = 1\n```\n\n- item\n\n  ```python\n  y = x\n  ```\n"
    first, second = blocks(page)
    assert (first.line, second.line) == (4, 10)
    assert script([first, second]).splitlines()[3::6] == ["x = 1", "y = x"]


def test_a_fence_inside_a_longer_fence_is_text():
    (block,) = blocks("````markdown\n```python\n1 / 0\n```\n````\n")
    assert block.info == "markdown"
    assert "1 / 0" in block.text
