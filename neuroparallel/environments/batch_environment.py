"""The batch environment: all subjects in many lanes at once, arrays in and arrays out."""

from __future__ import annotations

from typing import Any

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.environments.compile import Session, View, What, check_record, compile_scenario
from neuroparallel.scenario import Scenario

__all__ = ["BatchEnvironment"]


class BatchEnvironment(BatchEngine):
    """Many independent lanes of a scenario, computed together with NumPy: the batch engine of something with a name.

    Lane i equals ``ParallelEnvironment(what, lane=i)`` with the same seed, bit for bit.

    Args:
        what: A scenario or task: an object, a name, a path or a dictionary.
        lanes: Number of lanes.
        seed: Seed of the first session, unless `reset` is given one; None: the scenario's, or else a new one for
            every environment.
        dt: Time step in ms instead of the scenario's.
        session: Length of a session: ``{"trials": n}`` or ``{"steps": n}``; ``"scenario"``: the scenario's; None: a
            session never ends.
        view: ``"subjects"`` or ``"streams"``: what an agent is.
        record: Whether to keep a table of trials, or how many of the latest ones.

    Attributes:
        scenario: The compiled scenario.
        lanes: Number of lanes.
        dt: Time step, ms.
        possible_agents: Names of the subjects.
        metadata: Name of the scenario and frames per second, as PettingZoo has them.

    Raises:
        ScenarioError: The scenario cannot be used.
        UnknownNameError: There is no such scenario or task.
        ArgumentError: An option is not allowed.
    """

    def __init__(
        self,
        what: What,
        lanes: int = 4096,
        *,
        seed: int | None = None,
        dt: float | None = None,
        session: Session = "scenario",
        view: View = "subjects",
        record: bool | int = True,
    ) -> None:
        scenario, layout = compile_scenario(what, dt=dt, session=session, view=view)
        first = scenario.first_seed(seed)
        super().__init__(layout, lanes, seed=first, record=check_record(record))
        self.scenario: Scenario = scenario
        self._options: dict[str, Any] = {"seed": first, "view": view, "record": record}
        self.metadata: dict[str, Any] = {
            "name": scenario.name,
            "render_modes": [],
            "render_fps": 1000.0 / layout.dt,
            "is_parallelizable": True,
        }

    @property
    def num_envs(self) -> int:
        """Number of lanes, as gymnasium names it."""
        return self.lanes

    @property
    def unwrapped(self) -> BatchEnvironment:
        """This environment, inside all wrappers."""
        return self

    def remake(self, scenario: Scenario) -> BatchEnvironment:
        """Return a new environment with the same options over another scenario."""
        return type(self)(scenario, self.lanes, **self._options)
