"""Signature analyses of paradigms; scenarios and tasks declare theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroparallel import analysis
from neuroparallel.errors import ArgumentError, UnknownNameError, nearest
from neuroparallel.records import Table, Trials
from neuroparallel.scenario import Scenario

if TYPE_CHECKING:
    from neuroparallel.plotting.style import Figure

__all__ = ["Signature", "find_signature"]


@dataclass(frozen=True)
class Signature:
    """The numbers and the picture that a paradigm is known by.

    Attributes:
        name: What it is called.
        analyse: Makes of the trials a table to print, and lines to print below it.
        picture: Name of the function in ``neuroparallel.plotting`` that draws it.
        shown: Columns of the table of which at least one must have a value.
        columns: Names of columns that the function takes besides the trials, by the name of its argument.
    """

    name: str
    analyse: Callable[[Trials], tuple[Table, list[str]]]
    picture: str
    shown: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    def numbers(self, trials: Trials) -> tuple[Table, list[str]]:
        """Compute a table to print, and lines to print below it.

        Raises:
            ArgumentError: These trials cannot show it; says why.
        """
        table, lines = self.analyse(trials)
        if not any(np.isfinite(table[name]).any() for name in self.shown):
            answers = int((trials["choice"] > 0).sum()) if "choice" in trials else 0
            raise ArgumentError(
                f"nothing can be computed from these {len(trials):,} trials, {answers:,} of which have a choice: "
                f"{', '.join(self.shown)} would be missing everywhere."
            )
        return table, lines

    def draw(self, trials: Trials) -> Figure:
        """Draw it; see the function of ``neuroparallel.plotting``.

        Raises:
            ArgumentError: These trials cannot show it; says why.
        """
        from neuroparallel import plotting

        self.numbers(trials)
        function: Callable[[Trials], Any] = getattr(plotting, self.picture)
        figure: Figure = function(trials, **self.columns)
        return figure


def find_signature(what: Any) -> Signature | None:
    """Return the signature that a scenario declares, or else its task; None if there is none.

    The task of a scenario with one stream counts, and the game that all subjects of a scenario play.

    Args:
        what: A scenario's or task's name, a file, a dictionary, a `Scenario` or a `Task`.

    Returns:
        The signature.

    Raises:
        UnknownNameError: A task declares a signature that does not exist; names the nearest one.
    """
    scenario = Scenario.load(what)
    name: str | None = scenario.signature
    if name is None:
        declared = [stream.task.signature for stream in scenario.layout.streams]
        alone = len(declared) == 1 or (set(declared) == {"game"} and len(scenario.subjects) > 1)
        name = declared[0] if alone else None
    if name in (None, "none"):
        return None
    if name not in _SIGNATURES:
        raise UnknownNameError(f"signature: there is no analysis {name!r}.{nearest(str(name), _SIGNATURES)}")
    return _SIGNATURES[name]


def _prp(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.prp_curve(trials)
    if not any(np.isfinite(slope.value) for slope in (found.short, found.long, found.short_1)):
        raise ArgumentError(
            f"no slope can be computed: both streams were answered at {len(found.times)} asynchronies, and a slope "
            f"takes two from {found.short.range_ms[0]:g} to {found.short.range_ms[1]:g} ms, or two from "
            f"{found.long.range_ms[0]:g} to {found.long.range_ms[1]:g} ms."
        )
    lines = []
    for number, slope in ((2, found.short), (2, found.long), (1, found.short_1)):
        low, high = slope.range_ms
        lines.append(
            f"slope of response {number} from {low:g} to {high:g} ms: "
            f"{slope.value:.3f} ± {slope.standard_error:.3f} (s.e.)"
        )
    return found.times, lines


def _turns(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.additivity(trials, "coherence")
    effects = ((1, found.effect_1_s), (2, found.effect_2_s))
    lines = [f"effect of the coherence in stream {number}: {1000 * effect:.0f} ms" for number, effect in effects]
    lines.append(
        f"interaction: {1000 * found.interaction_s:+.0f} ± {1000 * found.standard_error_s:.0f} ms (s.e.); 0 if the "
        "decisions take turns, below 0 if they are made at the same time"
    )
    return found.cells, lines


def _stopping(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.stop_signal_reaction_time(trials)
    lines = [
        f"stop-signal reaction time {1000 * found.ssrt_s:.0f} ms{'' if found.reliable else ' (not reliable)'}, "
        f"P(response | stop) {found.p_respond:.3f}, mean delay {1000 * found.mean_delay_s:.0f} ms",
        f"go responses {1000 * found.go_mean_s:.0f} ms, failed stops {1000 * found.failed_stop_mean_s:.0f} ms",
    ]
    return analysis.inhibition_function(trials), lines


def _stay(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.stay_probabilities(trials)
    effects = {"reward": found.reward, "transition": found.transition, "reward by transition": found.interaction}
    errors = found.standard_errors.values()
    lines = [
        f"{name}: {value:+.3f} ± {error:.3f} (s.e.)"
        for (name, value), error in zip(effects.items(), errors, strict=True)
    ]
    return found.stay, lines


def _switching(trials: Trials) -> tuple[Table, list[str]]:
    return analysis.switch_cost(trials), []


def _chronometric(trials: Trials) -> tuple[Table, list[str]]:
    right, times = analysis.performance(trials, "coherence"), analysis.chronometric(trials, "coherence")
    kept = np.isin(right["coherence"], times["coherence"])
    table = Table({**right.select(kept).columns, "mean_s": times["mean_s"], "sem_s": times["sem_s"]})
    try:
        fit = analysis.fit_diffusion(trials, "coherence")
    except ArgumentError as error:
        return table, [str(error)]
    bound, sensitivity, residual = (fit.standard_errors[name] for name in ("bound", "sensitivity", "residual_s"))
    return table, [
        f"diffusion: bound {fit.bound:.3f} ± {bound:.3f}, sensitivity {fit.sensitivity:.2f} ± {sensitivity:.2f}, "
        f"residual time {1000 * fit.residual_s:.0f} ± {1000 * residual:.0f} ms (s.e.)"
    ]


def _distractor(trials: Trials) -> tuple[Table, list[str]]:
    return analysis.performance(trials, ("stream", "distractor")), []


def _psychometric(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.psychometric(trials)
    if found.fit is None:
        return found.counts, []
    return found.counts, [f"bias {found.fit.bias:.3g}, spread {found.fit.spread:.3g} % coherence"]


def _game(trials: Trials) -> tuple[Table, list[str]]:
    together, earned = analysis.coordination_rate(trials), analysis.social_welfare(trials)
    lines = [
        f"all the same: {100 * rate:.1f} % of rounds ({100 * chance:.1f} % by chance)"
        for rate, chance in zip(together["rate"], together["chance"], strict=True)
    ]
    lines += [
        f"earned per round: {total:.3g} together, {least:.3g} by who got least, {most:.3g} by who got most"
        for total, least, most in zip(earned["total"], earned["least"], earned["most"], strict=True)
    ]
    if len(np.unique(trials["subject"])) == 2:
        turns = analysis.turn_taking(trials)["index"]
        lines += [f"taking turns: {index:+.2f} (-1 to 1)" for index in turns[np.isfinite(turns)]]
    return analysis.choice_shares(trials), lines


_SIGNATURES = {
    "prp": Signature("psychological refractory period", _prp, "plot_prp", ("mean_1_s", "mean_2_s")),
    "additivity": Signature(
        "two decisions in turn or at once", _turns, "plot_additivity", ("mean_s",), {"factor": "coherence"}
    ),
    "stop_signal": Signature("stop-signal inhibition", _stopping, "plot_inhibition", ("responded",)),
    "two_step": Signature("staying in the two-step task", _stay, "plot_stay", ("stay",)),
    "switch_cost": Signature("costs of task switching", _switching, "plot_switch_cost", ("time_s",)),
    "chronometric": Signature("accuracy and response time", _chronometric, "plot_chronometric", ("correct", "mean_s")),
    "psychometric": Signature("psychometric function", _psychometric, "plot_psychometric", ("chosen",)),
    "distractor": Signature(
        "correct by distractor", _distractor, "plot_performance", ("correct",), {"by": "distractor"}
    ),
    "game": Signature("choices in a game", _game, "plot_choices", ("share",)),
}
