"""RLlib's environment runner on the batch engine: arrays in, arrays out, no episode objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.callbacks.utils import make_callback
from ray.rllib.env.env_context import EnvContext
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.rllib.utils import force_list
from ray.tune.registry import ENV_CREATOR, _global_registry

from neuroparallel.errors import ArgumentError, UsageError
from neuroparallel.rllib.action_distributions import check_alike
from neuroparallel.rllib.actor import Actor
from neuroparallel.rllib.cluster import one_thread
from neuroparallel.rllib.env_creation import BATCH_ENV, STOCK_ENV, register_own, worker_seed
from neuroparallel.rllib.metrics import SessionReturns, SessionSummary, log_steps, log_tally
from neuroparallel.rllib.rollout import Rollout
from neuroparallel.rllib.segments import Interruptions

__all__ = ["BatchedEnvRunner", "refuse_bypassed"]

Array: TypeAlias = NDArray[Any]
SAMPLING = "neuroparallel_sampling"  # key of the runner's state
_PER_STEP_CALLBACKS = ("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end")


class EngineSpaces:
    """Spaces of a batch engine, as RLlib asks an environment for them."""

    def __init__(self, engine: Any) -> None:
        agents = list(engine.possible_agents)
        self.engine = engine
        self.num_envs = int(engine.lanes)
        self.possible_agents = self.agents = agents
        self.observation_spaces: dict[str, gym.Space[Any]] = {a: engine.observation_space(a) for a in agents}
        self.action_spaces: dict[str, gym.Space[Any]] = {a: engine.action_space(a) for a in agents}
        self.single_observation_spaces = self.observation_spaces
        self.single_action_spaces = self.action_spaces
        self.observation_space = self.single_observation_space = gym.spaces.Dict(self.observation_spaces)
        self.action_space = self.single_action_space = gym.spaces.Dict(self.action_spaces)
        self.envs: list[Any] = []

    @property
    def unwrapped(self) -> EngineSpaces:
        """Itself."""
        return self

    def get_observation_space(self, agent: str) -> gym.Space[Any]:
        """Return the observation space of an agent."""
        return self.observation_spaces[agent]

    def get_action_space(self, agent: str) -> gym.Space[Any]:
        """Return the action space of an agent."""
        return self.action_spaces[agent]

    def close(self) -> None:
        """Nothing to close."""


class BatchedEnvRunner(MultiAgentEnvRunner):
    """Collect experience from all lanes of a batch engine at once.

    Give it to RLlib with ``config.env_runners(env_runner_cls=BatchedEnvRunner)``;
    ``num_envs_per_env_runner`` is the number of lanes. It works for any environment creator that
    returns an object with the batch engine's interface. Connectors and callbacks that act on single
    episodes have nothing to act on here and are refused.

    Raises:
        ArgumentError: The configuration asks for what would be bypassed.
    """

    _actors: Sequence[Actor] = ()  # none where other runners sample

    def make_env(self) -> None:
        """Make the engine from the environment's name and ``env_config``."""
        one_thread()
        refuse_bypassed(self.config)
        context = self.config.env_config
        if not isinstance(context, EnvContext):
            context = EnvContext(context, worker_index=self.worker_index or 0)
        lanes = self.config.num_envs_per_env_runner
        context = EnvContext(
            {**context, "lanes": lanes},
            worker_index=context.worker_index,
            num_workers=self.config.num_env_runners,
        )
        self.engine = _create(self.config.env, context)
        self.env = EngineSpaces(self.engine)
        self.num_envs = self.env.num_envs
        self._actors = []
        self._needs_initial_reset = True
        make_callback(
            "on_environment_created",
            callbacks_objects=self._callbacks,
            callbacks_functions=self.config.callbacks_on_environment_created,
            kwargs={
                "env_runner": self,
                "metrics_logger": self.metrics,
                "env": self.env,
                "env_context": context,
            },
        )

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> list[Rollout]:
        """Called by RLlib's own `sample`, which keeps time, pulls weights and calls `on_sample_end`."""
        if force_reset or self._needs_initial_reset or num_episodes is not None:
            self._reset()
        self._needs_initial_reset = num_episodes is not None
        fragment = self.config.get_rollout_fragment_length(self.worker_index)
        if num_episodes is None:
            steps = max(1, math.ceil((num_timesteps or 0) / self.num_envs))
            return [self._stretch(steps, explore, random_actions)]
        if not self._has_sessions():
            raise UsageError(
                f"{num_episodes} sessions were asked for, but this scenario's session never ends. Count steps "
                "(evaluation_duration_unit='timesteps'), or give a session, as session={'trials': 100}."
            )
        rollouts, done = [], self._returns.sessions
        while self._returns.sessions - done < num_episodes:
            rollouts.append(self._stretch(fragment, explore, random_actions))
        return rollouts

    def _reset(self) -> None:
        """Start all lanes anew; the first time with this worker's own seed."""
        seed = None
        if not self._actors:
            seed = worker_seed(
                int(self.config.env_config.get("seed") or 0),
                worker=self.worker_index or 0,
                evaluation=bool(self.config.in_evaluation),
                steps=int(self.num_env_steps_sampled_lifetime or 0),
            )
        self._now, _ = self.engine.reset(seed=seed)
        self._actors = self._make_actors()
        self._alive = np.ones((len(self.env.agents), self.num_envs), bool)
        self._returns = SessionReturns(list(self.env.agents), self.num_envs)
        self.engine.pop_tally(), self.engine.pop_reward()

    def _make_actors(self) -> list[Actor]:
        groups: dict[str, list[str]] = {}
        for agent in self.env.agents:
            groups.setdefault(self.config.policy_mapping_fn(agent, None), []).append(agent)
        actors = []
        for name, agents in groups.items():
            spaces = {a: (self.env.observation_spaces[a], self.env.action_spaces[a]) for a in agents}
            check_alike(name, spaces)
            module = self.module[name].unwrapped()
            module.eval()
            actors.append(Actor(name, module, agents, self.num_envs, *spaces[agents[0]]))
        return actors

    @torch.inference_mode()
    def _stretch(self, steps: int, explore: bool, random_actions: bool) -> Rollout:
        """Take so many steps in every lane."""
        breaks: dict[str, Interruptions] | None = None if self._alive.all() else self._interruptions(steps)
        trials = self._trial_numbers()
        for actor in self._actors:
            actor.begin(steps, self._now, explore, random_actions)
        for t in range(steps):
            actions: dict[str, Array] = {}
            for actor in self._actors:
                actions.update(actor.act(t))
            self._now, rewards, ends, truncations, _ = self.engine.step(actions)
            for actor in self._actors:
                for i, agent in enumerate(actor.agents):
                    actor.rewards[t, actor.rows_of(i)] = rewards[agent]
            self._returns.add(rewards, self._alive)
            over = np.stack([ends[a] | truncations[a] for a in self.env.agents]) & self._alive
            self._note_trial_ends(t, trials, over)
            if over.any():
                breaks = breaks or self._interruptions(steps)
                self._interrupt(t, over, ends, breaks)
            trials = self._trial_numbers()
            for actor in self._actors:
                actor.look(t + 1, self._now)
        rollout = self._hand_over(breaks, steps)
        log_steps(self.metrics, rollout, {actor.name: actor.agents for actor in self._actors})
        return rollout

    def _trial_numbers(self) -> dict[str, Array]:
        """Return the trials that each agent is in; none where rewards of later trials count."""
        return self.engine.unwrapped.trial_numbers() if getattr(self.config, "credit", "session") == "trial" else {}

    def _note_trial_ends(self, t: int, before: dict[str, Array], over: Array) -> None:
        """Note for which agents step t was the last of a trial in all streams, or of the session."""
        now = self._trial_numbers()
        for actor in self._actors:
            for i, agent in enumerate(actor.agents):
                if agent in now:
                    ended = (now[agent] != before[agent]).all(axis=0)
                    actor.trial_ends[t, actor.rows_of(i)] = ended | over[self.env.agents.index(agent)]

    def _interruptions(self, steps: int) -> dict[str, Interruptions]:
        """Start to keep account of ends, the first time that one comes within a stretch."""
        order = self.env.agents
        return {
            actor.name: Interruptions(
                np.concatenate([self._alive[order.index(agent)] for agent in actor.agents]), steps
            )
            for actor in self._actors
        }

    def _interrupt(self, t: int, over: Array, ends: Mapping[str, Array], breaks: dict[str, Interruptions]) -> None:
        """Close the rows of agents that ended; restart lanes in which none is left."""
        order = self.env.agents
        self._alive &= ~over
        restart: Array = np.logical_not(self._alive.any(axis=0))
        for actor in self._actors:
            index = [order.index(agent) for agent in actor.agents]
            rows = over[index].reshape(-1)
            terminated = np.concatenate([ends[agent] for agent in actor.agents])
            breaks[actor.name].cuts[t] = rows
            breaks[actor.name].terminated[t] = rows & terminated
            actor.close(t, rows, self._now)
        if not restart.any():
            return
        self._returns.close(restart)
        self._now = self.engine.restart(restart)
        self._alive[:, restart] = True
        for actor in self._actors:
            rows = np.tile(restart, len(actor.agents))
            breaks[actor.name].begins[t + 1] = rows
            actor.forget(rows)

    def _hand_over(self, breaks: dict[str, Interruptions] | None, steps: int) -> Rollout:
        modules = {}
        for actor in self._actors:
            segments = None if breaks is None else breaks[actor.name].segments()
            if segments is not None and segments.rows.size == 0:
                continue
            modules[actor.name] = actor.finish(segments)
        return Rollout(modules, self.num_envs * steps)

    def get_state(self, components: Any = None, *, not_components: Any = None, **kwargs: Any) -> dict[str, Any]:
        """RLlib's state and, of a whole checkpoint, where sampling is: trials, memories and PyTorch's generator.

        So a run that is resumed goes on with the very next step. What RLlib sends around to synchronise weights names
        its components, and stays as small as it is.

        Args:
            components: As RLlib passes them.
            not_components: As RLlib passes them.
            **kwargs: As RLlib passes them.
        """
        state: dict[str, Any] = super().get_state(components, not_components=not_components, **kwargs)
        if components is None and self._actors and hasattr(self.engine, "state"):
            state[SAMPLING] = {
                "engine": self.engine.state(),
                "now": self._now,
                "alive": self._alive,
                "memories": {actor.name: actor.memory() for actor in self._actors},
                "returns": self._returns.state(),
                "generator": torch.get_rng_state().numpy(),
            }
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go back to a state from `get_state`; if it is of other trials or lanes, sampling begins anew."""
        super().set_state(state)
        saved = state.get(SAMPLING)
        if saved is None or self.config.in_evaluation or set(saved["memories"]) != set(self.config.policies):
            return
        self._reset()
        try:
            self.engine.set_state(saved["engine"])
        except ArgumentError:  # another number of lanes, or a scenario that was changed
            self._needs_initial_reset, self._actors = True, []
            return
        self._needs_initial_reset = False
        self._now, self._alive = dict(saved["now"]), saved["alive"].copy()
        for actor in self._actors:
            actor.remember(saved["memories"][actor.name])
        self._returns.set_state(saved["returns"])
        torch.set_rng_state(torch.from_numpy(saved["generator"].copy()))

    def get_metrics(self) -> Any:
        """Return the metrics since the last call: RLlib's counters, and the task's.

        Adds ``correct`` (mean over streams), ``correct/<stream>``, ``abort``, ``trials`` and
        ``reward_per_trial``; in a Tune run, ``env_runners/correct`` and so on. ``episode_return_mean`` is the return of
        a session; where sessions have no end, that of the stretch since the last call, a mean over lanes.
        """
        if self._actors:
            tally, reward = self.engine.pop_tally(), self.engine.pop_reward()
            log_tally(self.metrics, tally, float(sum(reward.values())))
            modules = {agent: actor.name for actor in self._actors for agent in actor.agents}
            for session in self._returns.pop() or self._unfinished():
                self._log_episode_metrics(*session.metrics(modules))
        return self.metrics.reduce()

    def _has_sessions(self) -> bool:
        scenario = getattr(self.engine, "scenario", None)
        return self.config.env_config.get("session") is not None or getattr(scenario, "session", None) is not None

    def _unfinished(self) -> list[SessionSummary]:
        """Return a stand-in for session returns as long as no session has ended, so that every result has some.

        Where sessions have no end it is the stretch since the last report, else the sessions so far.
        """
        if self._returns.sessions or not self._returns.running:
            return []
        return [self._returns.stretch(forget=not self._has_sessions())]


def _create(name: Any, context: EnvContext) -> Any:
    if name in (BATCH_ENV, STOCK_ENV):
        register_own()
    if not (isinstance(name, str) and _global_registry.contains(ENV_CREATOR, name)):
        raise ArgumentError(f"No environment is registered under {name!r}; see neuroparallel.rllib.register.")
    engine = _global_registry.get(ENV_CREATOR, name)(context)
    if not hasattr(engine, "lanes"):
        raise ArgumentError(
            f"The environment {name!r} is a {type(engine).__name__}, not a batch engine. "
            "Leave out env_runner_cls=BatchedEnvRunner to use RLlib's own runner."
        )
    return engine


def refuse_bypassed(config: Any) -> None:
    """Say so, rather than ignore what a user asked for."""
    asked = [
        name
        for name in ("env_to_module_connector", "module_to_env_connector")
        if getattr(config, f"_{name}", None) is not None
    ]
    for hook in _PER_STEP_CALLBACKS:
        classes = force_list(config.callbacks_class)
        overridden = any(_overrides(cls, hook) for cls in classes)
        if overridden or getattr(config, f"callbacks_{hook}", None):
            asked.append(hook)
    if asked:
        raise ArgumentError(
            f"The batched runner makes no episode objects, so {', '.join(asked)} would never be called. "
            "Use ppo_config(..., stock=True), or on_sample_end and on_train_result."
        )


def _overrides(cls: Any, hook: str) -> bool:
    method = getattr(cls, hook, None)
    return method is not None and method is not getattr(RLlibCallback, hook, None)
