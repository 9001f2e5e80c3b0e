"""Compute chance and ceiling of every shipped scenario and task, and store them in ``scenarios/levels.json``.

Run ``python benchmarks/levels.py`` after a change of a scenario, a task or a reference agent (about two minutes).
"""

import json
from pathlib import Path

import neuroparallel as npar
from neuroparallel.agents import goals

PLACE = Path(__file__).resolve().parent.parent / "scenarios" / goals.STORED


def main() -> None:
    """Compute all of them anew."""
    goals.TRIALS = goals.STORED_TRIALS
    goals.stored.cache_clear()
    goals.stored = dict  # forget what is stored
    for what in [*npar.list_scenarios(), *map(npar.make_task, npar.list_tasks())]:
        goal = goals.goal_of(what)
        print(
            what if isinstance(what, str) else what.task_name(), goal.criterion, goal.chance, goal.ceiling, flush=True
        )
    PLACE.write_text(json.dumps(goals.recorder, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
