"""Training of a scenario, with evaluations, learning curve and summary."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ray.exceptions import RayError, RayTaskError

from neuroparallel.errors import UsageError
from neuroparallel.records.json_file import SUMMARY, abort_warnings, read_summary
from neuroparallel.records.safe_files import complete_directory
from neuroparallel.rllib.cluster import check_space, init_ray
from neuroparallel.rllib.curriculum_trainer import Trainer
from neuroparallel.rllib.env_creation import load_scenario, worker_seed
from neuroparallel.rllib.evaluation import Score, evaluate, measure, stream_names
from neuroparallel.rllib.learning_curve import curve_row, run_summary
from neuroparallel.rllib.policy import Policy, checkpoint_metadata, load_policy, rllib_checkpoint
from neuroparallel.rllib.policy_keeper import scenario_of_policy
from neuroparallel.rllib.progress import Progress, showing
from neuroparallel.rllib.run_files import (
    CHECKPOINT,
    check_vacant,
    explain_write_errors,
    like_ctrl_c,
    read_history,
    resume_command,
    uninterrupted,
)
from neuroparallel.rllib.run_writer import save_run
from neuroparallel.rllib.tracking import TensorBoardFiles, TrackedRun, Tracker, check_callbacks
from neuroparallel.rllib.training_plan import MOST_TESTING, TEST_LANES, TEST_TRIALS, Plan, plan_for
from neuroparallel.rllib.traps import Look, Setup, TrapWatch

__all__ = ["Progress", "TrainingResult", "train"]

KEEP_EVERY_S = 60.0  # after which what was learnt so far is kept, tests included: hours shall not go with the power
NOT_MEASURED = Score({}, {}, 0, math.nan, math.nan, {})  # what is known before the first evaluation
_WATCH, _FINAL = 1, 3  # purposes of an evaluation; each has trials of its own


@dataclass(frozen=True)
class TrainingResult:
    """Result of a training.

    Attributes:
        scenario: What was learnt, resolved.
        passed: Whether the last stage was reached and every stream met its criterion on the trials of `records`; None
            if there is no criterion.
        interrupted: Whether it was stopped by hand.
        ended_by: ``criterion``, ``interrupt``, or the limit that was reached: ``budget_steps``, ``budget_trials`` or
            ``budget_s``.
        correct: Stream to share right, 0 to 1, in `records`.
        outcomes: Stream to the share of each outcome (``correct``, ``abort``, ``miss`` ...) in `records`.
        reward_per_trial: In `records`, summed over streams and subjects.
        seconds: Of training, without evaluations; over all sittings.
        steps: Time steps over all lanes, over all sittings.
        trials: Trials that ended.
        iterations: Updates.
        history: The learning curve; a row per evaluation.
        out: Where the run is kept; None if it is not.
        policy: The trained subject.
        records: Trial table of the final evaluation, as ``trials.csv`` holds it.
    """

    scenario: Any
    passed: bool | None
    interrupted: bool
    ended_by: str
    correct: dict[str, float]
    outcomes: Mapping[str, Mapping[str, float]]
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
    budget_steps: int | None = None,
    budget_trials: int | None = None,
    seed: int | None = None,
    resume: str | Path | None = None,
    progress: Callable[[Progress], None] | Literal["bar"] | None = None,
    criterion: Mapping[str, float] | None = None,
    curriculum: Sequence[Mapping[str, Any]] | None = None,
    explore: bool | None = None,
    tensorboard: bool = True,
    callbacks: Sequence[Any] = (),
    **settings: Any,
) -> TrainingResult:
    """Train the subjects of a scenario until they meet its criterion, or a budget is used up.

    Settings that are not given come from the scenario's ``train:`` section. After fixed numbers of steps
    (``evaluate_every_steps``) the subjects are tested on trials of their own, which counts neither as steps nor as
    training time. With a budget of steps or trials, the result depends on scenario, settings and seed alone.
    Ctrl-C, SIGTERM and SIGHUP end the training. What was learnt is kept then, after any error, and once a minute.

    Args:
        what: A scenario name, file, dict or Scenario. With `resume`, that run's scenario by
            default.
        out: Directory for ``scenario.yaml``, ``trials.csv``, ``checkpoint/``, ``history.csv`` and
            ``summary.json``; None keeps nothing (with `resume`: the run's own).
        budget_s: Seconds of training in this sitting.
        budget_steps: Time steps over all lanes (``lanes`` times steps) in this sitting.
        budget_trials: Trials over all lanes in this sitting. The first limit that is reached ends the sitting. If any
            of the three is given, the scenario's own budgets do not count; if nobody gives one, it is 5 million steps
            and at most 180 s.
        seed: Seed of environment and learning; None: that of the run to continue, the scenario's, or a new one, which
            ``summary.json`` holds.
        resume: Directory of a run to continue, or a checkpoint of RLlib or Ray Tune, whose files are left as they
            are: give `out` to keep the run. Sampling goes on with the next step, so that two sittings of 6 updates
            are one of 12, bit for bit, as long as scenario, settings and number of threads are the same and sampling
            is done in this process (``num_env_runners=0``, not ``stock``).
        progress: ``"bar"`` for a live display on standard error, or a function that is called after every update.
        criterion: Stream (``memory`` or ``subject_0.memory``) to the share of trials, 0 to 1, that
            must be right; ``reward`` to what all together must earn per trial. None: the scenario's, or that of
            its tasks (``neuroparallel show`` prints it); ``{}``: train for the whole budget.
        curriculum: Changes to the scenario, one dict of dotted names per stage, as in
            ``{"train.lr": 1e-3}``; each stage lasts until its subjects meet the criterion (its own, if it
            changes ``train.criterion``), and the scenario itself comes last.
        explore: Whether subjects draw their actions in tests, as they do in training, or take the most probable
            ones; None: who plays a game, without right and wrong, draws.
        tensorboard: Whether the learning curve is also written as TensorBoard event files into `out`.
        callbacks: Ray Tune's logger callbacks, as those for Weights & Biases and MLflow; each gets the learning curve,
            row by row.
        **settings: As for `ppo_config`.

    Returns:
        The result, with the trained policy.

    Raises:
        ArgumentError: A setting, stream or run does not exist, or ``out`` holds another run.
        UsageError: There is no space left to write.

    Warns:
        UserWarning: The subjects are in one of the known traps (see `neuroparallel.rllib.traps`); once for each.

    Example:
        >>> result = train("dpa_gng", out="runs/dpa_gng/first")  # doctest: +SKIP
        >>> result.correct  # doctest: +SKIP
        {'subject_0.memory': 0.97, 'subject_0.gng': 1.0}
    """
    earlier = _Earlier.read(resume)
    place = Path(out) if out is not None else earlier.place if earlier and earlier.is_run else None
    if place is not None and not (earlier and place.resolve() == earlier.place.resolve()):
        check_vacant(place)
    scenario = load_scenario(earlier.scenario if what is None and earlier else what)
    plan = plan_for(
        scenario,
        settings,
        seed=int(earlier.state["seed"]) if seed is None and earlier else scenario.first_seed(seed),
        budget_s=budget_s,
        budget_steps=budget_steps,
        budget_trials=budget_trials,
        criterion=criterion,
        curriculum=curriculum,
        explore=explore,
    )
    callbacks = check_callbacks(callbacks)
    if tensorboard and place is not None:
        callbacks = (TensorBoardFiles(), *callbacks)
    if place is not None:
        check_space(place, 20)
    init_ray()
    with like_ctrl_c(), showing(progress, scenario.name) as show:  # after Ray, which has a handler of its own
        sitting = _Sitting(plan, earlier, show, place, callbacks)
        try:
            if place is not None:  # only now, so that a refused setting leaves no empty directory
                with explain_write_errors(place):
                    place.mkdir(parents=True, exist_ok=True)
            sitting.run()
            with uninterrupted():
                result = _conclude(sitting, place)
            sitting.tracker.end(failed=False)  # what it tracks is kept by now; it may take long to send the rest
            return result
        finally:
            try:
                sitting.tracker.end(failed=True)  # unless that was done
            finally:
                with uninterrupted():
                    sitting.trainer.stop()


@dataclass(frozen=True)
class _Earlier:
    """A run to continue."""

    place: Path
    state: dict[str, Any]
    scenario: Any
    is_run: bool = True

    @classmethod
    def read(cls, resume: str | Path | None) -> _Earlier | None:
        if resume is None:
            return None
        place = Path(resume)
        if not (place / SUMMARY).is_file():  # a checkpoint of RLlib's Algorithm.save or of Ray Tune
            found, metadata = checkpoint_metadata(place)
            state = {"checkpoint": rllib_checkpoint(found), "seed": metadata["env"].get("seed") or 0}
            return cls(place, state, scenario_of_policy(metadata), is_run=False)
        state = {**read_summary(place), "checkpoint": complete_directory(place / CHECKPOINT)}
        return cls(place, state, str(place / "scenario.yaml"))


def _traps_of(earlier: _Earlier | None) -> dict[str, Any]:
    """Return the traps that an earlier sitting found."""
    state = earlier.state if earlier else {}
    return {"found": state.get("traps") or {}, **(state.get("traps_state") or {})}


class _Sitting:
    """Training from start to end, interruption or exhausted budget."""

    def __init__(
        self,
        plan: Plan,
        earlier: _Earlier | None,
        progress: Callable[[Progress], None] | None,
        place: Path | None,
        callbacks: Sequence[Any] = (),
    ) -> None:
        self.plan, self.progress, self.place = plan, progress, place
        self.traps = TrapWatch(_traps_of(earlier))
        self.tracker = Tracker(callbacks, TrackedRun(plan.scenario.name, plan.settings(), place))
        self.trainer = Trainer(plan.stages, earlier.state if earlier else None, plan.draws)
        self.history: list[dict[str, Any]] = read_history(earlier.place) if earlier else []
        self.ended_by = ""
        self._evaluated_at = self._test_took_s = 0.0
        self._steps_seen = self.trainer.counters()["steps"]
        self._setup: tuple[int, Setup] | None = None
        self._latest: tuple[Score, Any] | None = None
        self._final: tuple[Score, Any] | None = None
        self._kept_at = -math.inf  # keep the first evaluation

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by hand."""
        return self.ended_by == "interrupt"

    def run(self) -> None:
        """Train; an error ends the training too, and is raised when what was learnt is kept.

        Raises:
            UsageError: Ray ended, or its workers did.
        """
        try:
            self._train()
        except KeyboardInterrupt:
            self.ended_by = "interrupt"
        except BaseException as error:  # also the sys.exit of a user's task
            with uninterrupted():
                self._rescue(error)
            if isinstance(error, RayError) and not isinstance(error, RayTaskError):
                raise UsageError(f"Ray cannot go on: {str(error).partition(chr(10))[0]}") from error
            raise

    def _train(self) -> None:
        while not self.ended_by:
            self.trainer.iterate()
            due = self._due()
            if due:
                self._evaluate()
            self._show(due)
            if due and time.monotonic() - self._kept_at >= KEEP_EVERY_S:
                self.keep_so_far()
            if not self.ended_by:
                self.ended_by = self.plan.budget.used_up(self.trainer.sitting, self.trainer.sitting_s)

    def _due(self) -> bool:
        """Whether it is time for a test: by steps, so that it comes at the same update on any machine."""
        before, self._steps_seen = self._steps_seen, self.trainer.counters()["steps"]
        if self.plan.every_s is None:
            return self._steps_seen // self.plan.every_steps > before // self.plan.every_steps
        every_s = max(self.plan.every_s, MOST_TESTING * self._test_took_s)
        return self.trainer.sitting_s - self._evaluated_at >= every_s

    def _evaluate(self) -> None:
        self._evaluated_at, began = self.trainer.sitting_s, time.perf_counter()
        seed = worker_seed(self.plan.seed, worker=0, evaluation=True, steps=_WATCH)
        self._latest = measure(
            self.trainer.policy,
            self.trainer.env,
            lanes=TEST_LANES,
            trials=TEST_TRIALS,
            seed=seed,
            equilibrium=self.plan.goal.equilibrium,
        )
        score = self._latest[0]
        self._test_took_s = time.perf_counter() - began
        criterion = self.trainer.criterion or self.plan.criterion
        row = {**curve_row(self.trainer, self.plan, score), **self.traps.look(self._look(*self._latest, criterion))}
        self.history.append(row)
        self.tracker.report(row, self.trainer.learner)
        if not criterion or not score.meets(criterion):
            return
        if not self.trainer.last_stage:
            self.trainer.next_stage()
            return
        self._final = self.examine()
        if self._final[0].meets(criterion):
            self.ended_by = "criterion"

    def _look(self, score: Score, records: Any, criterion: Mapping[str, float]) -> Look:
        """Return the measurements that detect traps."""
        if self._setup is None or self._setup[0] != self.trainer.stage:
            self._setup = self.trainer.stage, Setup.of(self.plan.stages[self.trainer.stage])
        counters = self.trainer.counters()
        best_reward, self.trainer.best_reward = self.trainer.best_reward, math.nan
        return Look(
            setup=self._setup[1],
            score=score,
            records=records,
            criterion=criterion,
            entropy=self.trainer.entropy,
            best_reward=best_reward,
            trials=counters["trials"],
            steps=counters["steps"],
            stage=self.trainer.stage,
        )

    def examine(self) -> tuple[Score, Any]:
        """Test the subjects on fresh trials of the scenario itself: the score of a table, and that table."""
        seed = worker_seed(self.plan.seed, worker=0, evaluation=True, steps=_FINAL)
        records = evaluate(self.trainer.policy, seed=seed, env=self.plan.env)
        return Score.of(records, stream_names(self.plan.env), self.plan.goal.equilibrium), records

    def final(self) -> tuple[Score, Any]:
        """Return the last test: the one that ended the training if the criterion did."""
        if self.ended_by == "criterion" and self._final is not None:
            return self._final
        return self.examine()

    def passed(self, score: Score) -> bool | None:
        """Whether a score of the scenario itself is enough; None without a criterion."""
        if not self.plan.criterion:
            return None
        return self.trainer.last_stage and score.meets(self.plan.criterion)

    def summary(self, score: Score, ended_by: str) -> dict[str, Any]:
        """Return the summary of the run so far."""
        return run_summary(
            self.trainer, self.plan, score, passed=self.passed(score), ended_by=ended_by, traps=self.traps.state()
        )

    def keep_so_far(self) -> None:
        """Keep the run as one that was interrupted here; where that fails there may be room again at the end."""
        self._kept_at = time.monotonic()
        if self.place is None or not self.trainer.learnt:
            return
        try:
            self.keep(self.place, *self._unfinished())
        except UsageError as error:
            warnings.warn(f"What was learnt so far could not be kept: {error}", stacklevel=2)

    def _unfinished(self) -> tuple[dict[str, Any], Any]:
        """Return the summary of a run that goes on, and the trials that it is of."""
        score, records = self._latest or (NOT_MEASURED, None)
        return self.summary(score, "interrupt"), records

    def _rescue(self, error: BaseException) -> None:
        """Keep what was learnt before an error, and let the error say so."""
        if self.place is None or not self.trainer.learnt:
            return
        try:
            self.keep(self.place, *self._unfinished())
        except Exception as second:
            error.add_note(f"What was learnt last could not be kept: {second}")
        else:
            error.add_note(f"What was learnt before is kept. To go on: {resume_command(self.place)}")

    def keep(self, place: Path, summary: Mapping[str, Any], records: Any) -> None:
        """Write everything that the run leaves behind.

        Raises:
            UsageError: It cannot be written, or the networks are damaged, which must not replace sound ones.
        """
        if not self.trainer.is_finite:
            raise UsageError("the networks hold numbers that are not finite; the checkpoint before stays.")
        with explain_write_errors(place):
            save_run(place, self.plan.scenario, self.trainer, self.plan.env, records, self.history, summary)

    def _show(self, evaluated: bool) -> None:
        if self.progress is None:
            return
        trainer = self.trainer
        counters = trainer.counters()
        ends = {
            name: None if most is None else counters[name] - trainer.sitting[name] + most
            for name, most in (("steps", self.plan.budget.steps), ("trials", self.plan.budget.trials))
        }
        self.progress(
            Progress(
                iteration=counters["iteration"],
                steps=counters["steps"],
                trials=counters["trials"],
                reward_per_trial=trainer.reward_per_trial,
                correct=dict(self._latest[0].correct) if self._latest else trainer.correct,
                seconds=trainer.sitting_s,
                budget_s=self.plan.budget.seconds,
                stage=trainer.stage + 1,
                stages=len(self.plan.stages),
                evaluated=evaluated,
                budget_steps=ends["steps"],
                budget_trials=ends["trials"],
            )
        )


def _conclude(sitting: _Sitting, place: Path | None) -> TrainingResult:
    """Test the subjects on fresh trials of the scenario itself, and keep the run."""
    trainer, plan = sitting.trainer, sitting.plan
    if sitting.interrupted:  # before the tests, as a cluster that ends a job does not wait long
        sitting.keep_so_far()
    score, records = sitting.final()
    if "aborts" not in sitting.traps.found:
        for warning in abort_warnings(score.outcomes):
            warnings.warn(warning, stacklevel=3)
    policy = trainer.policy
    if place is not None:
        sitting.keep(place, sitting.summary(score, sitting.ended_by), records)
        policy = load_policy(place)
    counters = trainer.counters()
    return TrainingResult(
        scenario=plan.scenario,
        passed=sitting.passed(score),
        interrupted=sitting.interrupted,
        ended_by=sitting.ended_by,
        correct=score.correct,
        outcomes=score.outcomes,
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
