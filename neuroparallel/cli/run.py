"""``run``: play a scenario with a reference agent or a trained subject."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroparallel.cli.common import (
    add_code,
    add_verb,
    add_what,
    changes_of,
    chosen_seed,
    find_code_of,
    load,
    note,
    on_screen,
    print_table,
    write_table,
)
from neuroparallel.errors import ArgumentError, NeuroparallelError, whole_number
from neuroparallel.records.safe_files import replace_file

if TYPE_CHECKING:
    from neuroparallel.agents import Agent
    from neuroparallel.records import Trace, Trials
    from neuroparallel.reporting import Signature
    from neuroparallel.scenario import Scenario

__all__ = ["add"]

PICTURES = (".png", ".pdf", ".svg", ".jpg", ".jpeg")
MOST_PAINTED = 400  # steps; more cannot be distinguished in a picture


def add(verbs: Any) -> None:
    """Add the verb."""
    parser = add_verb(verbs, "run", run, "Play a scenario with an agent, and print the results of its trials.")
    add_what(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="play N steps of one lane")
    length.add_argument("--trials", type=int, metavar="N", help="play N trials, in many lanes at once (1000)")
    parser.add_argument(
        "--agent",
        default="random",
        help="random (default), hold, oracle, bottleneck ..., or a trained subject: directory of a run",
    )
    add_code(parser)
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", dest="options",
        help="option of the agent: --option share=0.7; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=None, help="seed of the trials (default: that of the scenario, or a new one)"
    )
    parser.add_argument(
        "--plot", metavar="FILE.png",
        help="draw the signature figure of the scenario, such as the curve of prp; with --steps, or if the scenario "
        "has none, draw observations, actions and rewards",
    )  # fmt: skip
    parser.add_argument("--out", metavar="FILE.csv", help="write the table of trials")


def run(options: argparse.Namespace) -> None:
    """Run, print, draw and write."""
    from neuroparallel.reporting import find_signature

    scenario = load(options)
    agent = _agent(options.agent, changes_of(options.options, "--option"), bool(options.code))
    file = _picture_file(options.plot)
    wanted = 1000 if options.trials is None else whole_number(options.trials, "--trials", 1)
    if options.steps is not None:
        whole_number(options.steps, "steps", 1)
    seed = chosen_seed(options.seed, scenario.seed)  # after the checks of the arguments, because it prints the seed
    signature, traces = None, dict[str, "Trace"]()
    if options.steps is not None:
        traces, trials = _watched(scenario, agent, options.steps, seed)
    else:
        trials = _simulated(scenario, agent, wanted, seed)
        signature = find_signature(scenario)
    on_screen().print(f"{scenario.name}: {trials.summary()}", markup=False)
    if signature is not None and not _print(signature, trials):
        signature = None
    if file is not None and signature is not None:
        _save(signature.draw(trials), file)
    elif file is not None:
        _draw(traces or _watched(scenario, agent, 200, seed)[0], file)
    if options.out:
        write_table(trials, options.out)


def _print(signature: Signature, trials: Trials) -> bool:
    """Print the signature of the scenario; return False if these trials cannot show it."""
    try:
        table, lines = signature.numbers(trials)
    except NeuroparallelError as error:
        note(f"{signature.name}: {error}")
        return False
    on_screen().print(f"\n{signature.name}", style="bold")
    print_table(table)
    for line in lines:
        on_screen().print(line, markup=False)
    return True


def _agent(name: str, options: dict[str, Any], allowed: bool) -> Agent:
    """Return a trained subject if the name is a directory, else a reference agent."""
    from neuroparallel.agents import TrainedAgent, make_agent

    if os.sep not in name and not Path(name).exists():
        return make_agent(name, **options)
    if options:
        raise ArgumentError(f"--option {next(iter(options))}: a trained subject has no options.")
    from neuroparallel.reporting import find_policy
    from neuroparallel.rllib import load_policy

    place = find_policy(name)
    if allowed:
        find_code_of(place)
    return TrainedAgent(load_policy(place))


def _watched(scenario: Scenario, agent: Agent, steps: int, seed: int) -> tuple[dict[str, Trace], Any]:
    from rich.progress import Progress

    from neuroparallel.agents import TrainedAgent
    from neuroparallel.reporting import watch

    console = on_screen(error=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("running", total=steps)
        learnt_with = agent.policy.options if isinstance(agent, TrainedAgent) else {}
        return watch(
            scenario, agent, steps=steps, seed=seed, each=lambda n: progress.update(bar, completed=n), **learnt_with
        )


def _simulated(scenario: Scenario, agent: Agent, trials: int, seed: int) -> Any:
    from neuroparallel.agents import TrainedAgent, simulate

    with on_screen(error=True).status(f"running {trials:,} trials"):
        if isinstance(agent, TrainedAgent):
            return _tested(scenario, agent.policy, trials, seed)
        return simulate(scenario, agents=agent, trials=trials, seed=seed)


def _tested(scenario: Scenario, policy: Any, trials: int, seed: int) -> Any:
    """Play trials with a trained subject, which observes the scenario through its wrappers."""
    from neuroparallel.rllib import env_config, evaluate

    lanes = -(-trials // 40)
    env = env_config(scenario, seed=seed, **policy.options)
    return evaluate(policy, lanes=lanes, trials=-(-trials // lanes), seed=seed, env=env)


def _picture_file(place: str | None) -> Path | None:
    if place is None or Path(place).suffix.lower() in PICTURES:
        return None if place is None else Path(place)
    raise ArgumentError(f"--plot {place}: the name of a picture must end with one of {', '.join(PICTURES)}.")


def _draw(traces: dict[str, Trace], file: Path) -> None:
    """Draw observations, actions and rewards of every agent."""
    from neuroparallel.plotting import plot_run
    from neuroparallel.reporting import cut_trace

    for agent, trace in traces.items():
        named = file if len(traces) == 1 else file.with_stem(f"{file.stem}_{agent}")
        _save(plot_run(cut_trace(trace, 0, MOST_PAINTED)), named)


def _save(figure: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(file, "wb") as opened:
        figure.savefig(opened, format=file.suffix[1:])
    on_screen().print(f"drawn: {file}", markup=False)
