"""What a paradigm is known by: which numbers and which picture go with a table, told by its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroparallel import analysis
from neuroparallel.errors import ArgumentError
from neuroparallel.records import Table, Trials

if TYPE_CHECKING:
    from neuroparallel.plotting.style import Figure

__all__ = ["Signature", "find_signature"]


@dataclass(frozen=True)
class Signature:
    """The numbers and the picture that a paradigm is known by.

    Attributes:
        name: What it is called.
        fits: Says of a table of trials whether it has the columns.
        numbers: Makes of the trials a table to print, and lines to print below it.
        picture: Name of the function in ``neuroparallel.plotting`` that draws it.
        columns: Names of columns that the function takes besides the trials, by the name of its argument.
    """

    name: str
    fits: Callable[[Trials], bool]
    numbers: Callable[[Trials], tuple[Table, list[str]]]
    picture: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def draw(self, trials: Trials) -> Figure:
        """Draw it; see the function of ``neuroparallel.plotting``."""
        from neuroparallel import plotting

        function: Callable[[Trials], Any] = getattr(plotting, self.picture)
        figure: Figure = function(trials, **self.columns)
        return figure


def find_signature(trials: Trials) -> Signature | None:
    """The signature that goes with a table of trials, or None if it has the columns of none."""
    return next((signature for signature in SIGNATURES if signature.fits(trials)), None)


def _has(*names: str, streams: int = 1) -> Callable[[Trials], bool]:
    """Whether a table has these columns and so many streams, all of one subject."""

    def fits(trials: Trials) -> bool:
        if not len(trials) or any(name not in trials for name in (*names, "stream", "subject")):
            return False
        return len(np.unique(trials["stream"])) == streams and len(np.unique(trials["subject"])) == 1

    return fits


def _prp(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.prp_curve(trials)
    lines = []
    for number, slope in ((2, found.short), (2, found.long), (1, found.short_1)):
        low, high = slope.range_ms
        lines.append(
            f"slope of response {number} from {low:g} to {high:g} ms: "
            f"{slope.value:.3f} ± {slope.standard_error:.3f} (s.e.)"
        )
    return found.times, lines


def _turns(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.additivity(trials, "strength")
    effects = ((1, found.effect_1_s), (2, found.effect_2_s))
    lines = [f"effect of the strength in stream {number}: {1000 * effect:.0f} ms" for number, effect in effects]
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
    right, times = analysis.performance(trials, "strength"), analysis.chronometric(trials, "strength")
    kept = np.isin(right["strength"], times["strength"])
    table = Table({**right.select(kept).columns, "mean_s": times["mean_s"], "sem_s": times["sem_s"]})
    try:
        fit = analysis.fit_diffusion(trials, "strength")
    except ArgumentError as error:
        return table, [str(error)]
    bound, sensitivity, residual = (fit.standard_errors[name] for name in ("bound", "sensitivity", "residual_s"))
    return table, [
        f"diffusion: bound {fit.bound:.3f} ± {bound:.3f}, sensitivity {fit.sensitivity:.2f} ± {sensitivity:.2f}, "
        f"residual time {1000 * fit.residual_s:.0f} ± {1000 * residual:.0f} ms (s.e.)"
    ]


def _psychometric(trials: Trials) -> tuple[Table, list[str]]:
    found = analysis.psychometric(trials)
    if found.fit is None:
        return found.counts, []
    return found.counts, [f"bias {found.fit.bias:.3g}, spread {found.fit.spread:.3g} % coherence"]


def _is_game(trials: Trials) -> bool:
    """Whether several subjects, and nobody else, play a game."""
    if not len(trials) or any(name not in trials for name in ("task", "subject", "choice", "reward")):
        return False
    return bool((trials["task"] == "game_choice").all()) and len(np.unique(trials["subject"])) > 1


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


SIGNATURES = (
    Signature("psychological refractory period", _has("soa_ms", "response_time_s", streams=2), _prp, "plot_prp"),
    Signature(
        "two decisions in turn or at once",
        _has("strength", "response_time_s", streams=2),
        _turns,
        "plot_additivity",
        {"factor": "strength"},
    ),
    Signature("stop-signal inhibition", _has("stop", "stop_delay_ms"), _stopping, "plot_inhibition"),
    Signature("staying in the two-step task", _has("first_choice", "common"), _stay, "plot_stay"),
    Signature("costs of task switching", _has("switch", "response_time_s"), _switching, "plot_switch_cost"),
    Signature(
        "accuracy and response time",
        _has("strength", "response_time_s"),
        _chronometric,
        "plot_chronometric",
        {"evidence": "strength"},
    ),
    Signature("psychometric function", _has("coherence", "side", "choice"), _psychometric, "plot_psychometric"),
    Signature("choices in a game", _is_game, _game, "plot_choices"),
)
