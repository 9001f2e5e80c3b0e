"""From a scenario to a trained subject, with everything that a reader needs to see that it worked."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuroparallel.agents.goals import DISTANCE
from neuroparallel.errors import UsageError
from neuroparallel.records.json_file import read_summary
from neuroparallel.rllib.cluster import check_space, init_ray
from neuroparallel.rllib.evaluation import REWARD, Score, evaluate, measure
from neuroparallel.rllib.plan import Plan, plan_for
from neuroparallel.rllib.policy import Policy, load_policy
from neuroparallel.rllib.run_files import check_vacant, read_history, say_if_full, uninterrupted
from neuroparallel.rllib.saving import save_run
from neuroparallel.rllib.source import load_scenario, worker_seed
from neuroparallel.rllib.stages import Trainer

__all__ = ["Progress", "TrainingResult", "train"]

KEEP_EVERY_S = 60.0  # after which what was learnt so far is kept, tests included: hours shall not go with the power
MOST_TESTING = 2.0  # seconds of training for each second of testing, at least
_WATCH, _CONFIRM, _FINAL = 1, 2, 3  # purposes of an evaluation; each has trials of its own


@dataclass(frozen=True)
class Progress:
    """What there is to show after an update.

    Attributes:
        iteration: Updates so far.
        steps: Steps taken, of all agents together.
        trials: Trials that ended.
        reward_per_trial: In the latest stretch, with exploration.
        correct: Stream to share right, 0 to 1: of the latest evaluation, before the first one of
            the latest stretch.
        seconds: Of training, without evaluations.
        budget_s: Seconds of training allowed.
        stage: Of the curriculum, from 1.
        stages: How many there are.
        evaluated: True if this update was followed by an evaluation.
    """

    iteration: int
    steps: int
    trials: int
    reward_per_trial: float
    correct: dict[str, float]
    seconds: float
    budget_s: float
    stage: int = 1
    stages: int = 1
    evaluated: bool = False


@dataclass(frozen=True)
class TrainingResult:
    """How a training went.

    Attributes:
        scenario: What was learnt, resolved.
        passed: Whether every stream met its criterion, twice, on different trials.
        interrupted: Whether it was stopped by hand.
        correct: Stream to share right, 0 to 1, on fresh trials.
        reward_per_trial: On the same trials.
        seconds: Of training, without evaluations; over all sittings.
        steps: Steps taken, of all agents together.
        trials: Trials that ended.
        iterations: Updates.
        history: The learning curve; a row per evaluation.
        out: Where the run is kept; None if it is not.
        policy: The trained subject.
        records: Trial table of the final evaluation.
    """

    scenario: Any
    passed: bool
    interrupted: bool
    correct: dict[str, float]
    reward_per_trial: float
    seconds: float
    steps: int
    trials: int
    iterations: int
    history: list[dict[str, Any]]
    out: Path | None
    policy: Policy = field(repr=False)
    records: Any = field(repr=False)


def train(
    what: Any = None,
    *,
    out: str | Path | None = None,
    budget_s: float | None = None,
    seed: int | None = None,
    resume: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    criterion: Mapping[str, float] | None = None,
    curriculum: Sequence[Mapping[str, Any]] | None = None,
    explore: bool | None = None,
    **settings: Any,
) -> TrainingResult:
    """Train the subjects of a scenario until they meet its criterion, or the time is over.

    Settings that are not given come from the scenario's ``train:`` section. Every 1.5 s of training
    (less often where a test takes long) the subjects are tested on trials of their own; that does not
    count as training time. Ctrl-C ends the training, and what was learnt is kept, as it is once a minute.

    Args:
        what: A scenario name, file, dict or Scenario. With `resume`, that run's scenario by
            default.
        out: Directory for ``scenario.yaml``, ``trials.csv``, ``checkpoint/``, ``history.csv`` and
            ``summary.json``; None keeps nothing (with `resume`: the run's own).
        budget_s: Seconds of training in this sitting; 60.
        seed: Seed of environment and learning; None: that of the run that is continued, the scenario's, or else one
            drawn from entropy. ``summary.json`` keeps it.
        resume: Directory of a run to continue.
        progress: Called after every update.
        criterion: Stream (``memory`` or ``subject_0.memory``) to the share of trials, 0 to 1, that
            must be right; ``reward`` to what all together must earn per trial. None: the scenario's, or that of
            its tasks (``neuroparallel show`` prints it); ``{}``: train for the whole budget.
        curriculum: Changes to the scenario, one dict of dotted names per stage, as in
            ``{"train.lr": 1e-3}``; each stage lasts until its subjects meet the criterion (its own, if it
            changes ``train.criterion``), and the scenario itself comes last.
        explore: Whether subjects draw their actions in tests, as they do in training, or take the most probable
            ones; None: who plays a game, without right and wrong, draws.
        **settings: As for `ppo_config`.

    Returns:
        The result, with the trained policy.

    Raises:
        ArgumentError: A setting, stream or run does not exist, or ``out`` holds another run.
        UsageError: There is no space left to write.

    Example:
        >>> result = train("dpa_gng", out="runs/dpa_gng/first")  # doctest: +SKIP
        >>> result.correct  # doctest: +SKIP
        {'subject_0.memory': 0.97, 'subject_0.gng': 1.0}
    """
    earlier = _Earlier.read(resume)
    place = Path(out) if out is not None else earlier.place if earlier else None
    if place is not None and not (earlier and place.resolve() == earlier.place.resolve()):
        check_vacant(place)
    scenario = load_scenario(earlier.scenario if what is None and earlier else what)
    plan = plan_for(
        scenario,
        settings,
        seed=earlier.state.get("seed") if earlier and seed is None else seed,
        budget_s=budget_s,
        criterion=criterion,
        curriculum=curriculum,
        explore=explore,
    )
    if place is not None:
        check_space(place, 20)
    init_ray()
    sitting = _Sitting(plan, earlier, progress, place)
    try:
        if place is not None:  # only now, so that a refused setting leaves no empty directory
            with say_if_full(place):
                place.mkdir(parents=True, exist_ok=True)
        sitting.run()
        with uninterrupted():
            return _conclude(sitting, place)
    finally:
        with uninterrupted():
            sitting.trainer.stop()


@dataclass(frozen=True)
class _Earlier:
    """A run to continue."""

    place: Path
    state: dict[str, Any]

    @classmethod
    def read(cls, resume: str | Path | None) -> _Earlier | None:
        if resume is None:
            return None
        place = Path(resume)
        return cls(place, {**read_summary(place), "checkpoint": place / "checkpoint"})

    @property
    def scenario(self) -> str:
        return str(self.place / "scenario.yaml")


class _Sitting:
    """Training from start to end, interruption or exhausted budget."""

    def __init__(
        self,
        plan: Plan,
        earlier: _Earlier | None,
        progress: Callable[[Progress], None] | None,
        place: Path | None,
    ) -> None:
        self.plan, self.progress, self.place = plan, progress, place
        self.trainer = Trainer(plan.stages, earlier.state if earlier else None, plan.draws)
        self.history: list[dict[str, Any]] = read_history(earlier.place) if earlier else []
        self.passed = self.interrupted = False
        self._evaluated_at = self._test_took_s = 0.0
        self._score: Score | None = None
        self._kept_at = time.monotonic()

    def run(self) -> None:
        """Train."""
        try:
            while not self.passed and self.trainer.sitting_s < self.plan.budget_s:
                self.trainer.iterate()
                every_s = max(self.plan.every_s, MOST_TESTING * self._test_took_s)
                due = self.trainer.sitting_s - self._evaluated_at >= every_s
                if due:
                    self._evaluate()
                self._show(due)
                if due and time.monotonic() - self._kept_at >= KEEP_EVERY_S:
                    self._keep_so_far()
        except KeyboardInterrupt:
            self.interrupted = True

    def _evaluate(self) -> None:
        self._evaluated_at, began = self.trainer.sitting_s, time.perf_counter()
        self._score = score = self._measure(_WATCH, 256)
        self._test_took_s = time.perf_counter() - began
        row = {"seconds": round(self.trainer.seconds, 3), **self.trainer.counters(), "stage": self.trainer.stage + 1}
        row["reward_per_trial"] = round(score.reward_per_trial, 4)
        row.update({name: round(value, 4) for name, value in score.correct.items()})
        if self.plan.goal.equilibrium:
            row[DISTANCE] = round(score.distance, 4)
        if len(score.earned) > 1:
            row.update({f"{REWARD}/{name}": round(value, 4) for name, value in score.earned.items()})
        self.history.append(row)
        criterion = self.trainer.criterion or self.plan.criterion
        if not criterion or not score.meets(criterion):
            return
        if self.trainer.last_stage:
            self.passed = self._measure(_CONFIRM, 512).meets(criterion)
        else:
            self.trainer.next_stage()

    def _keep_so_far(self) -> None:
        """Keep the run as one that was interrupted here; where that fails there may be room again at the end."""
        self._kept_at = time.monotonic()
        if self.place is None or self._score is None:
            return
        try:
            self.keep(self.place, {**_summary(self, self._score), "interrupted": True})
        except (OSError, UsageError) as error:
            warnings.warn(f"What was learnt so far could not be kept: {error}", stacklevel=2)

    def keep(self, place: Path, summary: Mapping[str, Any], records: Any = None) -> None:
        """Write everything that the run leaves behind."""
        with say_if_full(place):
            save_run(place, self.plan.scenario, self.trainer, self.plan.env, records, self.history, summary)

    def _measure(self, purpose: int, lanes: int) -> Score:
        seed = worker_seed(self.plan.seed, worker=0, evaluation=True, steps=purpose)
        where = self.plan.goal.equilibrium
        return measure(self.trainer.policy, self.trainer.env, lanes=lanes, seed=seed, equilibrium=where)

    def _show(self, evaluated: bool) -> None:
        if self.progress is None:
            return
        trainer = self.trainer
        counters = trainer.counters()
        self.progress(
            Progress(
                iteration=counters["iteration"],
                steps=counters["steps"],
                trials=counters["trials"],
                reward_per_trial=trainer.reward_per_trial,
                correct=dict(self._score.correct) if self._score else trainer.correct,
                seconds=trainer.sitting_s,
                budget_s=self.plan.budget_s,
                stage=trainer.stage + 1,
                stages=len(self.plan.stages),
                evaluated=evaluated,
            )
        )


def _conclude(sitting: _Sitting, place: Path | None) -> TrainingResult:
    """Test the subjects on fresh trials of the scenario itself, and keep the run."""
    trainer, plan = sitting.trainer, sitting.plan
    seed = worker_seed(plan.seed, worker=0, evaluation=True, steps=_FINAL)
    score = measure(trainer.policy, plan.env, lanes=512, seed=seed, equilibrium=plan.goal.equilibrium)
    records = evaluate(trainer.policy, lanes=512, seed=seed, env=plan.env)
    policy = trainer.policy
    if place is not None:
        sitting.keep(place, _summary(sitting, score), records)
        policy = load_policy(place)
    counters = trainer.counters()
    return TrainingResult(
        scenario=plan.scenario,
        passed=sitting.passed,
        interrupted=sitting.interrupted,
        correct=score.correct,
        reward_per_trial=score.reward_per_trial,
        seconds=trainer.seconds,
        steps=counters["steps"],
        trials=counters["trials"],
        iterations=counters["iteration"],
        history=sitting.history,
        out=place,
        policy=policy,
        records=records,
    )


def _summary(sitting: _Sitting, score: Score) -> dict[str, Any]:
    """How a run went, as its ``summary.json`` says it."""
    trainer, plan = sitting.trainer, sitting.plan
    return {
        "scenario": plan.scenario.name,
        "passed": sitting.passed,
        "interrupted": sitting.interrupted,
        "correct": score.correct,
        "earned": dict(score.earned),
        "criterion": plan.criterion,
        "criterion_source": plan.goal.source,
        "chance": plan.goal.chance,
        "ceiling": plan.goal.ceiling,
        "distance": score.distance if plan.goal.equilibrium else None,
        "reward_per_trial": score.reward_per_trial,
        "seconds": round(trainer.seconds, 3),
        "budget_s": plan.budget_s,
        **trainer.counters(),
        "stage": trainer.stage,
        "stages": len(plan.stages),
        "seed": plan.seed,
        "evaluation_trials": score.trials,
        "draws": list(plan.draws),
    }
