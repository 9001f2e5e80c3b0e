"""The table: what is compared with what, and how much is wanted."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from neuroparallel.benchmark import ours, peers, wrapping
from neuroparallel.benchmark.clocks import Rates, Side
from neuroparallel.errors import ArgumentError, MissingDependencyError, UnknownNameError, nearest, whole_number
from neuroparallel.task import is_finite_number

__all__ = ["Result", "Row", "list_rows", "measure_rows"]

PEER = ".venv-neurogym/bin/python benchmarks/neurogym_peer.py --seconds 3"
SIDES: dict[str, Callable[[], Side]] = {
    "neurogym": peers.neurogym_side,
    "limit": peers.limit_side,
    "batch": ours.batch_side,
    "parallel": ours.parallel_side,
    "dual": ours.dual_side,
    "several": ours.several_side,
    "dataset": ours.dataset_side,
    "torch": peers.torch_side,
    "rllib": ours.rllib_side,
    "start": ours.start_side,
    "wrapping": wrapping.wrapping_side,
}


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: Short name, for ``--only``.
        what: What is measured.
        sides: Whose turns it needs.
        value: The number, from the rates of one round.
        ours: Name of our rate.
        theirs: Name of the other rate; empty if there is none.
        wanted: The number to reach.
        unit: Of the number: ``x``, ``%``, ``ns``, ``s``, ``B``.
        at_least: Whether more is better.
        command: What runs the other side alone.
    """

    name: str
    what: str
    sides: tuple[str, ...]
    value: Callable[[Rates], float]
    ours: str
    theirs: str
    wanted: float
    unit: str = "x"
    at_least: bool = True
    command: str = ""

    @property
    def label(self) -> str:
        """What is measured, and whether a trial table was kept, which is as a user gets it."""
        if "rllib" in self.sides:
            return f"{self.what} (no trial table, as training has it)"
        return self.what if self.name == "import" else f"{self.what} (default options: trial table kept)"


@dataclass(frozen=True)
class Result:
    """A measured line of the table, as text.

    Attributes:
        name: Name of the row.
        what: What was measured.
        number: Median over the rounds; None if it could not be measured.
        low: Smallest of the rounds.
        high: Largest.
        ours: Our rate.
        theirs: The other's.
        shown: The number with its unit.
        wanted: The number to reach.
        verdict: ``yes``, ``no``, or why it was not measured.
        command: What runs the other side alone.
    """

    name: str
    what: str
    number: float | None
    low: float | None
    high: float | None
    ours: str
    theirs: str
    shown: str
    wanted: str
    verdict: str
    command: str

    def plain(self) -> dict[str, Any]:
        """As a dictionary."""
        return asdict(self)


def _ratio(over: str, under: str, factor: float = 1.0) -> Callable[[Rates], float]:
    return lambda rates: factor * rates[over] / rates[under]


def _slower(with_it: str, without: str) -> Callable[[Rates], float]:
    return lambda rates: 100 * (rates[without] / rates[with_it] - 1)


def _extra_ns(with_it: str, without: str) -> Callable[[Rates], float]:
    return lambda rates: 1e9 / rates[with_it] - 1e9 / rates[without]


def _share_of_parts(name: str) -> Callable[[Rates], float]:
    return lambda rates: rates[name] / sum(rate for part, rate in rates.items() if part.startswith(f"{name}."))


GYM, BARE = ("neurogym",), "neurogym_dots_raw"
ROWS = (
    Row("batch", "batch engine, random dots, 4096 lanes, one core : NeuroGym's bare loop", ("batch", *GYM),
        _ratio("batch", BARE), "batch", BARE, 200, command=PEER),
    Row("batch_busy", "the same with drawn durations, catch trials and history : NeuroGym's bare loop",
        ("batch", *GYM), _ratio("batch_busy", BARE), "batch_busy", BARE, 100, command=PEER),
    Row("limit", "batch engine : NumPy's limit for its noise and memory traffic", ("batch", "limit"),
        _ratio("batch", "numpy_limit"), "batch", "numpy_limit", 0.5,
        command="python benchmarks/numpy_limit.py --lanes 4096"),
    Row("parallel", "ParallelEnv, 1 subject, 1 task : NeuroGym's bare loop", ("parallel", *GYM),
        _ratio("parallel", BARE), "parallel", BARE, 4, command=PEER),
    Row("dual", "ParallelEnv, dual task, per stream : NeuroGym's single task", ("parallel", *GYM),
        _ratio("parallel_dual", BARE, 2), "parallel_dual", BARE, 2, command=PEER),
    *(
        Row(name, what, ("dual",), _share_of_parts(name), name, f"{name}.{first}", 0.5)
        for name, first, what in (
            ("batch_dual", "first", "batch engine, dual_random_dots, 4096 lanes, stream-steps : the sum of its "
                "streams' separate rates"),
            ("batch_dual_guessing", "first", "the same with random actions, when streams wait for each other"),
            ("batch_dual_memory", "memory", "dpa_gng with random actions : the same"),
            ("batch_dual_prp", "first", "prp with random actions, lanes out of step where alone they are in step : "
                "the same"),
        )
    ),
    Row("subjects", "batch engine, 16 subjects in one group, subject-steps : the same with 2 subjects", ("several",),
        _ratio("subjects_16", "subjects_2"), "subjects_16", "subjects_2", 0.8),
    Row("dataset", "Dataset, delivered time steps : NeuroGym's Dataset", ("dataset", *GYM),
        _ratio("dataset", "neurogym_dots_dataset"), "dataset", "neurogym_dots_dataset", 100, command=PEER),
    Row("rllib_stock", "RLlib, whole iteration, 64 lanes, LSTM : its stock runner", ("rllib",),
        _ratio("rllib", "rllib_stock"), "rllib", "rllib_stock", 12),
    Row("rllib_torch", "the same : PPO written by hand in PyTorch, same process", ("rllib", "torch"),
        _ratio("rllib", "torch"), "rllib", "torch", 0.85,
        command="python benchmarks/torch_ppo.py dpa_gng --seconds 10"),
    Row("import", "import neuroparallel", ("start",), lambda rates: rates["import"], "", "", 0.5, "s", False),
    Row("memory", "memory per lane, random dots", ("start",), lambda rates: rates["memory"], "", "", 1000, "B", False),
    Row("wrap_five", f"five wrappers on a ParallelEnv ({', '.join(wrapping.FIVE)}): extra time", ("wrapping",),
        _slower("wrap.five", "bare.dots"), "wrap.five", "bare.dots", 40, "%", False),
    *(
        Row(f"wrap_{name}", f"{name} on a ParallelEnv ({what}): extra time", ("wrapping",),
            _slower(f"wrap.{name}", f"bare.{what}"), f"wrap.{name}", f"bare.{what}", 10, "%", False)
        for name, (what, _) in wrapping.MEASURED.items()
    ),
    *(
        Row(f"batch_{name}", f"{name} on a batch ({what}): extra time per agent-step", ("wrapping",),
            _extra_ns(f"lanes.{name}", f"lanes.bare.{what}"), f"lanes.{name}", f"lanes.bare.{what}", 25, "ns", False)
        for name, (what, _) in {**wrapping.MEASURED, **wrapping.SEQUENCES}.items()
    ),
    *(
        Row(f"supersuit_{name}", f"{name} on a ParallelEnv : SuperSuit's {theirs}", ("wrapping",),
            _ratio(f"wrap.{name}", f"supersuit.{name}"), f"wrap.{name}", f"supersuit.{name}", 1)
        for name, (theirs, _) in wrapping.SUPERSUIT.items()
    ),
)  # fmt: skip


def list_rows() -> tuple[Row, ...]:
    """All rows of the table."""
    return ROWS


def measure_rows(
    names: Sequence[str] | None = None,
    *,
    rounds: int = 5,
    seconds: float = 1.0,
    each: Callable[[str], None] | None = None,
) -> list[Result]:
    """Measure rows of the table, all sides in turn, several times over.

    Args:
        names: Which rows; None: all.
        rounds: Turns that each side takes; the median of the rounds' numbers is the result.
        seconds: Length of a turn.
        each: Called with a word on what is being measured.

    Returns:
        A result per row; what cannot be measured says why.

    Raises:
        UnknownNameError: There is no such row.
        ArgumentError: There are no rounds, or they take no time.
    """
    whole_number(rounds, "rounds", 1)
    if not (is_finite_number(seconds) and seconds > 0):
        raise ArgumentError(f"seconds is {seconds!r}; it is a number above 0.")
    known = {row.name: row for row in ROWS}
    for name in names or ():
        if name not in known:
            raise UnknownNameError(f"there is no row {name!r}.{nearest(name, known)}")
    rows = [known[name] for name in names] if names else list(ROWS)
    tell = each or (lambda word: None)
    sides, failures = _open(dict.fromkeys(side for row in rows for side in row.sides), tell)
    collected: list[Rates] = []
    for number in range(rounds):
        rates: Rates = {}
        for name in list(sides):
            tell(f"round {number + 1} of {rounds}: {name}")
            try:
                rates.update(sides[name].measure(seconds))
            except MissingDependencyError as error:
                failures[name] = str(error)
                sides.pop(name)
        collected.append(rates)
    for side in sides.values():
        side.close()
    return [_result(row, collected, failures) for row in rows]


def _open(
    names: Sequence[str] | dict[str, None], tell: Callable[[str], None]
) -> tuple[dict[str, Side], dict[str, str]]:
    sides, failures = {}, {}
    for name in names:
        tell(f"preparing: {name}")
        try:
            sides[name] = SIDES[name]()
        except MissingDependencyError as error:
            failures[name] = str(error)
    return sides, failures


def _result(row: Row, rounds: list[Rates], failures: dict[str, str]) -> Result:
    wanted = f"{'≥' if row.at_least else '≤'} {_number(row.wanted, row.unit)}"
    reasons = [failures[side] for side in row.sides if side in failures]
    if reasons:
        return Result(row.name, row.label, None, None, None, "", "", "", wanted, reasons[0], row.command)
    numbers = [row.value(rates) for rates in rounds]
    number = statistics.median(numbers)
    reached = number >= row.wanted if row.at_least else number <= row.wanted
    own, other = (_rate(rounds, name) for name in (row.ours, row.theirs))
    return Result(
        row.name, row.label, number, min(numbers), max(numbers), own, other, _number(number, row.unit), wanted,
        "yes" if reached else "no", row.command,
    )  # fmt: skip


def _rate(rounds: list[Rates], name: str) -> str:
    if not name:
        return ""
    value = statistics.median(rates[name] for rates in rounds)
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}/s"
    return f"{value:.3g}/s"


def _number(value: float, unit: str) -> str:
    digits = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}" if abs(value) >= 4 else f"{value:.2f}"
    return f"{digits} {unit}"
