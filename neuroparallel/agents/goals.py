"""Goals of a scenario: criterion, chance and ceiling, measured on the same trial tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np

from neuroparallel.agents.registry import make_agent
from neuroparallel.agents.simulation import simulate
from neuroparallel.analysis.equilibrium import distance_to_equilibrium
from neuroparallel.errors import ArgumentError, NeuroparallelError, nearest
from neuroparallel.modifiers import layers
from neuroparallel.records import Trials
from neuroparallel.scenario import Scenario, What
from neuroparallel.task import is_finite_number
from neuroparallel.task.criterion import Criterion

__all__ = ["DISTANCE", "REWARD", "STORED", "Goal", "full_names", "goal_of", "level_of", "measured"]

Numbers: TypeAlias = dict[str, float]

REWARD, DISTANCE = "reward", "distance"
"""What a criterion calls the reward per trial, and the distance to an equilibrium."""
EXTRAS = ("source", "equilibrium", "chance", "ceiling")
"""Keys of a criterion in a file that are no measure."""
STORED = "levels.json"
"""In the folder of shipped scenarios: what `reference` found, so that nobody has to wait for it."""
TRIALS, STORED_TRIALS = 2000, 10_000

PLAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "patient": ("accumulator", {"bound": 3.0, "residual": 0.0}),
    "frugal": ("ideal_observer", {"maximise": "reward"}),
    "uniform": ("q_learner", {"inverse_temperature": 0.0}),
}
"""Reference agents with options, by the names that `Criterion` uses."""


@dataclass(frozen=True)
class Goal:
    """Goal of a scenario: criterion, chance and ceiling.

    Attributes:
        criterion: Full name of a stream to the share of trials that must be right, 0 to 1; ``reward`` to the reward per
            trial of all together; ``distance`` to the largest distance to the nearest equilibrium. Empty if the
            scenario has none.
        source: Where the criterion comes from; with several streams a sentence for each.
        chance: The same measures of a subject that sees no stimulus; in most games, of one that plays each option
            with the same odds.
        ceiling: The same measures of the best that can be done.
        equilibrium: What ``distance`` is measured to, see `distance_to_equilibrium`.
    """

    criterion: Numbers = field(default_factory=dict)
    source: str = ""
    chance: Numbers = field(default_factory=dict)
    ceiling: Numbers = field(default_factory=dict)
    equilibrium: Sequence[Mapping[str, Any]] = ()

    def lines(self) -> list[str]:
        """Return the goal in words, one line for each measure."""
        if not self.criterion:
            return [f"Criterion: none. {self.source}".rstrip()]
        lines = []
        for name, value in self.criterion.items():
            least = "at most" if name == DISTANCE else "at least"
            what = {REWARD: "reward per trial", DISTANCE: "distance to equilibrium"}.get(name, f"{name} correct")
            bounds = [
                f"{word} {_number(values[name], name)}"
                for word, values in (("chance", self.chance), ("ceiling", self.ceiling))
                if name in values
            ]
            lines.append(
                f"  {what:<32} {least} {_number(value, name)}" + (f"   ({', '.join(bounds)})" if bounds else "")
            )
        return ["Criterion, to be met twice:", *lines, f"  Source: {self.source}"]


def _number(value: float, name: str) -> str:
    return f"{value:.4g}" if name in (REWARD, DISTANCE) else f"{100 * value:.1f} %"


def goal_of(what: What) -> Goal:
    """Find the criterion of a scenario, with chance and ceiling.

    The ``criterion`` of the scenario's ``train`` section counts, else the criteria of its streams' tasks. Chance and
    ceiling are those of reference agents that play the scenario, with the seed 0; for shipped scenarios they are
    stored, and computed otherwise.

    Args:
        what: As of `simulate`.

    Returns:
        The goal; without a criterion, and with the reason as its source, where there is nothing to learn, or where
        no reference agent can play.

    Raises:
        ArgumentError: The criterion in the file names a stream that does not exist, or a value is not allowed.
    """
    scenario = Scenario.load(what)
    given = (scenario.train or {}).get("criterion")
    if given is not None and not isinstance(given, Mapping):
        raise ArgumentError(f"criterion is {given!r}; it is a mapping of streams to the share that must be right.")
    return _goal(json.dumps(_played(scenario), sort_keys=True), json.dumps(given))


def level_of(what: What, player: str, equilibrium: Sequence[Mapping[str, Any]] = ()) -> Numbers:
    """Measure what a reference agent reaches in a scenario, as chance and ceiling are measured.

    Args:
        what: As of `simulate`.
        player: Name of a reference agent, or one that `Criterion` knows.
        equilibrium: What the distance is measured to; none is measured without.

    Returns:
        As of `measured`; stored for shipped scenarios, else computed.

    Raises:
        ArgumentError: The agent cannot play the scenario.
    """
    return _by(Scenario.load(what), player, equilibrium)


@lru_cache(maxsize=256)
def _goal(played: str, given: str) -> Goal:
    scenario = Scenario.load(json.loads(played))
    own = json.loads(given)
    if own == {}:
        return Goal(source="The scenario wants none.")
    streams = _streams(scenario)
    if own:
        return _own_goal(scenario, streams, own)
    idle = [task.nothing for task in streams.values() if task.nothing]
    if idle or not streams:
        return Goal(source=idle[0] if idle else "All subjects are played by agents.")
    try:
        return _task_goal(scenario, streams)
    except NeuroparallelError as error:
        return Goal(source=f"No reference agent can play this: {error}")


def _streams(scenario: Scenario) -> dict[str, Criterion]:
    """Return the criterion of each stream's task, without those of subjects that agents play."""
    layout = scenario.layout
    seated = {name for name, subject in scenario.subjects.items() if subject.played_by is not None}
    return {
        stream.name: layers(stream.task)[0].criterion
        for stream in layout.streams
        if layout.subjects[stream.subject].name not in seated
    }


def _task_goal(scenario: Scenario, streams: Mapping[str, Criterion]) -> Goal:
    """Return the goal that the criteria of tasks make together: one of rewards if any of them is."""
    paid = any(criterion.by == REWARD for criterion in streams.values())
    chance, ceiling = _levels(scenario, "blind", _ceilings(streams))
    measures = [REWARD] if paid else list(streams)
    if not all(ceiling[name] > chance.get(name, float("inf")) for name in measures):
        return Goal(source="No reference agent does better than one that sees nothing.")
    if paid:
        part = min(criterion.part for criterion in streams.values() if criterion.by == REWARD)
        whole = Criterion(part=part)
        least = {REWARD: whole.between(chance[REWARD], ceiling[REWARD])}
    else:
        least = {name: criterion.between(chance[name], ceiling[name]) for name, criterion in streams.items()}
    sources = {
        name.partition(".")[2]: criterion.source
        if paid or criterion.correct is None or criterion.published(chance[name], ceiling[name])
        else f"{criterion.part:g} of the way from chance to the ceiling of these parameters"
        for name, criterion in streams.items()
        if not paid or criterion.by == REWARD
    }
    different = list(dict.fromkeys(sources.values()))
    source = different[0] if len(different) == 1 else "; ".join(f"{name}: {text}" for name, text in sources.items())
    return Goal(least, source, _only(chance, least), _only(ceiling, least))


def _own_goal(scenario: Scenario, streams: Mapping[str, Criterion], own: Mapping[str, Any]) -> Goal:
    """Return the goal that a scenario's file states."""
    everybody = [f"{subject}.{stream}" for subject, part in scenario.subjects.items() for stream in part.streams]
    least = full_names(own, everybody)
    equilibrium = _equilibria(own, streams, everybody)
    if DISTANCE in least and not equilibrium:
        raise ArgumentError("criterion.distance: say to what; criterion.equilibrium is missing, or names no learner.")
    players = _ceilings(streams)
    best = own.get("ceiling")
    if isinstance(best, str):
        players = dict.fromkeys(streams, best)
    elif DISTANCE in least:
        players = {}  # at the equilibrium there is nothing left between it and the choices
    game = any(criterion.nothing for criterion in streams.values())
    try:
        chance, ceiling = _levels(scenario, own.get("chance", "uniform" if game else "blind"), players, equilibrium)
    except NeuroparallelError:
        chance, ceiling = {}, {}
    if DISTANCE in least:
        ceiling = {**ceiling, DISTANCE: 0.0}
    if is_finite_number(best):
        ceiling = {**ceiling, **dict.fromkeys(least, float(best))}  # type: ignore[arg-type]
    source = str(own.get("source", "the scenario's own"))
    return Goal(least, source, _only(chance, least), _only(ceiling, least), equilibrium)


def _only(values: Mapping[str, float], names: Mapping[str, Any]) -> Numbers:
    return {name: round(values[name], 4) for name in names if name in values}


def _ceilings(streams: Mapping[str, Criterion]) -> dict[str, str]:
    """Return the agent that shows what can be reached in each stream; the oracle where there is nothing to learn."""
    return {name: "oracle" if criterion.nothing else criterion.ceiling for name, criterion in streams.items()}


def _equilibria(
    own: Mapping[str, Any], learners: Mapping[str, Any], everybody: Sequence[str]
) -> tuple[Mapping[str, Any], ...]:
    """Return the equilibria of a file, without the streams of subjects that agents play."""
    given = own.get("equilibrium", ())
    found = (given,) if isinstance(given, Mapping) else tuple(given)
    known, learnt = ({*names, *(name.partition(".")[2] for name in names)} for names in (everybody, learners))
    for equilibrium in found:
        for name in equilibrium:
            if name not in known:
                raise ArgumentError(f"criterion.equilibrium: there is no stream {name!r}.{nearest(name, known)}")
    kept = ({name: odds for name, odds in equilibrium.items() if name in learnt} for equilibrium in found)
    return tuple(equilibrium for equilibrium in kept if equilibrium)


def full_names(given: Any, names: Sequence[str]) -> Numbers:
    """Give every stream of a criterion its full name; a short one stands for all streams of that name.

    Args:
        given: As a call or a file states it.
        names: Full names of all streams.

    Returns:
        Measure to threshold.

    Raises:
        ArgumentError: There is no such stream, or a value is not allowed.
    """
    if not isinstance(given, Mapping):
        raise ArgumentError(f"criterion is {given!r}; it is a mapping of streams to the share that must be right.")
    short = {name: name.split(".", 1)[-1] for name in names}
    known = {*names, *short.values()}
    result: Numbers = {}
    for key, value in given.items():
        if key in EXTRAS and key not in known:
            continue
        if key in (REWARD, DISTANCE) and key not in known:
            if not is_finite_number(value):
                raise ArgumentError(f"criterion.{key}: {value!r} is no number; it is what must be {_must(key)}.")
            result[key] = float(value)
            continue
        matches = [name for name in names if key in (name, short[name])]
        if not matches:
            hint = nearest(key, {*known, REWARD, DISTANCE, *EXTRAS})
            raise ArgumentError(f"criterion.{key}: there is no stream {key!r}.{hint}")
        if not is_finite_number(value) or not 0 < float(value) <= 1:
            raise ArgumentError(f"criterion.{key}: {value!r} is no share of trials, above 0 and up to 1.")
        result.update(dict.fromkeys(matches, float(value)))
    return result


def _must(key: str) -> str:
    return "earned per trial" if key == REWARD else "the largest distance to an equilibrium"


# ---- chance and ceiling ----


def _played(scenario: Scenario) -> dict[str, Any]:
    """Return the part of a scenario that decides how trials go."""
    value = scenario.dump()
    for key in ("description", "tags", "references", "train", "tune", "policies"):
        value.pop(key, None)
    for group in value.get("groups", {}).values():
        group.pop("columns", None)
    return {**value, "name": "played", "seed": 0}


def _levels(
    scenario: Scenario,
    chance: str,
    ceilings: Mapping[str, str],
    equilibrium: Sequence[Mapping[str, Any]] = (),
) -> tuple[Numbers, Numbers]:
    """Chance, and the ceiling of every stream and of the reward, each as its own player shows it."""
    floor = _by(scenario, chance, equilibrium)
    top: Numbers = {}
    earned = 0.0
    for name, player in ceilings.items():
        levels = _in_stream(scenario, name, player, equilibrium)
        top[name] = levels.get(name, float("nan"))
        earned += levels[f"{REWARD}/{name}"] * floor[f"share/{name}"] / levels[f"share/{name}"]
    return floor, {**top, REWARD: earned}


def _in_stream(scenario: Scenario, name: str, player: str, equilibrium: Sequence[Mapping[str, Any]]) -> Numbers:
    """Return what a player reaches in a stream of a scenario, or in the stream alone if it cannot play all others."""
    try:
        return _by(scenario, player, equilibrium)
    except ArgumentError:
        if len(list(scenario.stream_items())) == 1:
            raise
        return _by(scenario.only(name), player, ())


def _by(scenario: Scenario, player: str, equilibrium: Sequence[Mapping[str, Any]]) -> Numbers:
    """Return what a player reaches: stored for shipped scenarios, else computed."""
    key = _digest(scenario, player, equilibrium)
    if key not in stored():
        return _computed(key, json.dumps(_played(scenario)), player, json.dumps(equilibrium))
    if not stored()[key]:
        raise ArgumentError(f"{player} cannot play {scenario.name}.")
    return stored()[key]


def _digest(scenario: Scenario, player: str, equilibrium: Sequence[Mapping[str, Any]]) -> str:
    text = json.dumps([_played(scenario), player, list(equilibrium)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def stored() -> dict[str, Numbers]:
    """Return the levels of shipped scenarios and tasks, by digest; see `STORED`."""
    file = files("neuroparallel.scenarios") / STORED
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


recorder: dict[str, Numbers] = {}
"""What was computed in this process, by digest; `benchmarks/levels.py` writes it down."""


@lru_cache(maxsize=256)
def _computed(key: str, played: str, player: str, equilibrium: str) -> Numbers:
    scenario = Scenario.load(json.loads(played))
    recorder[key] = {}  # which stays so if the player cannot play this
    levels = _play(scenario, player, json.loads(equilibrium), TRIALS)
    recorder[key] = {name: round(value, 5) for name, value in levels.items()}
    return levels


def _play(scenario: Scenario, player: str, equilibrium: Sequence[Mapping[str, Any]], trials: int) -> Numbers:
    """Let a player do whole sessions, and measure."""
    name, options = PLAYERS.get(player, (player, {}))
    session = scenario.session.trials if scenario.session is not None else None
    in_a_row = min(session or 100, 200)
    try:
        table = simulate(scenario, make_agent(name, **options), max(trials, in_a_row), per_lane=in_a_row, seed=0)
    except ArgumentError:
        if player != "blind":
            raise
        table = simulate(scenario, "hold", max(trials, in_a_row), per_lane=in_a_row, seed=0)  # movements need a plan
    return measured(table, equilibrium)


def measured(trials: Trials, equilibrium: Sequence[Mapping[str, Any]] = ()) -> Numbers:
    """Measure everything that a criterion can ask for.

    Args:
        trials: A trial table of a scenario.
        equilibrium: What the distance is measured to; none is measured without.

    Returns:
        For each stream the share of scored trials that were right (if any was scored) and its part of the reward
        (``reward/<stream>``), per trial of the stream that had most, and its share of these trials
        (``share/<stream>``); ``reward``, ``distance``.
    """
    names = np.char.add(np.char.add(trials["subject"].astype(str), "."), trials["stream"].astype(str))
    streams = list(dict.fromkeys(names.tolist()))
    most = max(int((names == name).sum()) for name in streams)
    levels: Numbers = {}
    for name in streams:  # of one without right and wrong there is only the reward
        rows = names == name
        correct = trials["correct"][rows].astype(np.float64)
        scored = correct[np.isfinite(correct)]
        if len(scored):
            levels[name] = float(scored.mean())
        levels[f"{REWARD}/{name}"] = float(trials["reward"][rows].sum()) / most
        levels[f"share/{name}"] = float(rows.sum()) / most
    levels[REWARD] = sum(levels[f"{REWARD}/{name}"] for name in streams)
    if equilibrium:
        levels[DISTANCE] = distance_to_equilibrium(trials, list(equilibrium))
    return levels
