"""RLlib configurations that learn trial-based tasks out of the box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from neuroparallel.agents.protocol import engine_of
from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.rllib.action_distributions import check_alike, choices_for
from neuroparallel.rllib.algorithms import algorithm_of, check_a2c, check_algorithm, section_for
from neuroparallel.rllib.checked_config import TaskConfig
from neuroparallel.rllib.cluster import quieten
from neuroparallel.rllib.env_creation import BATCH_ENV, STOCK_ENV, build_engine, env_config, load_scenario
from neuroparallel.rllib.evaluation import who_draws
from neuroparallel.rllib.feedback import with_feedback
from neuroparallel.rllib.learner import RolloutLearner
from neuroparallel.rllib.memory_limits import check_memory
from neuroparallel.rllib.module import ActorCritic
from neuroparallel.rllib.policy_keeper import StockLearner
from neuroparallel.rllib.reward_scale import reward_scale
from neuroparallel.rllib.runner import BatchedEnvRunner
from neuroparallel.rllib.settings import Course, Settings, resolve
from neuroparallel.scenario.schema import check_file_name
from neuroparallel.seeding import choose_seed

__all__ = ["a2c_config", "config_for", "course_of", "policy_mapping", "ppo_config"]

PPO_DEFAULTS: dict[str, Any] = {
    "lr": 3e-3,
    "vf_loss_coeff": 0.5,
    "clip_param": 0.2,
    "grad_clip": 0.5,
    "use_kl_loss": False,
    "shuffle_batch_per_epoch": True,
}
A2C_DEFAULTS: dict[str, Any] = {
    **PPO_DEFAULTS,
    "gamma": 0.95,
    "lambda_": 0.95,
    "entropy_coeff": 0.01,
    "vf_loss_coeff": 0.25,
    "shuffle_batch_per_epoch": False,
}


class PolicyMapping:
    """Mapping of agents to policies; a class and not a lambda, so that it pickles.

    Args:
        names: Agent to policy.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)

    def __call__(self, agent_id: str, episode: Any = None, **kwargs: Any) -> str:
        """Name the policy of an agent."""
        return self.names[agent_id]


def policy_mapping(policies: str | Mapping[str, str], agents: list[str]) -> dict[str, str]:
    """Say which policy acts for which agent.

    Args:
        policies: "shared" (one for all), "independent" or "streams" (one each), or agent to policy name.
        agents: All agents.

    Returns:
        Agent to policy name.

    Raises:
        ArgumentError: A mapping leaves an agent out.
    """
    if policies == "shared":
        return dict.fromkeys(agents, "shared")
    if isinstance(policies, str):
        return {agent: agent for agent in agents}
    for name in policies:
        if name not in agents:
            raise ArgumentError(f"policies: there is no agent {name!r}.{nearest(name, agents)}")
    missing = [agent for agent in agents if agent not in policies]
    if missing:
        raise ArgumentError(f"policies names no policy for {', '.join(missing)}.")
    for name in policies.values():
        try:
            check_file_name(str(name))  # RLlib names directories after policies
        except ValueError as error:
            raise ArgumentError(f"policies: {error}") from None
    return {agent: str(policies[agent]) for agent in agents}


def ppo_config(
    what: Any,
    *,
    lanes: int | None = None,
    n_steps: int | None = None,
    lstm: int | None = None,
    policies: str | Mapping[str, str] | None = None,
    seed: int | None = None,
    **training: Any,
) -> PPOConfig:
    """Configure RLlib's PPO so that it learns a scenario, fast and with a memory that fits the trial.

    What is not given comes from the scenario's ``train:`` section, and what that does not say from
    defaults: for a scenario with a memory, updates span a whole trial, or as many as must be remembered,
    and the LSTM's biases are set for that. The result is a plain PPOConfig: chain, tune and build it as any other.

    Args:
        what: A scenario name, file, dict or Scenario.
        lanes: Copies of the scenario that are sampled together; 32, or 64 where trials are short.
        n_steps: Steps per lane between updates; the trials that a memory spans.
        lstm: Units of an LSTM; 64, and 0 for a network without memory.
        policies: Who learns together, see `Settings`.
        seed: Seed of environment and learning; None: the scenario's, or else one drawn from entropy.
        **training: Any other field of `Settings` (``network``, ``epochs``, ``minibatches``, ``tmax``, ``stock``
            ...) or argument of RLlib's ``config.training`` (``lr``, ``gamma``, ``entropy_coeff``
            ...).

    Returns:
        The configuration, not yet built.

    Raises:
        ArgumentError: A setting does not exist or makes no sense.

    Example:
        >>> algorithm = ppo_config("dpa_gng").build_algo()  # doctest: +SKIP
    """
    given = {"lanes": lanes, "n_steps": n_steps, "lstm": lstm, "policies": policies, **training}
    scenario = load_scenario(what)
    settings, rest = resolve(_section(scenario, "ppo"), given)
    seed = choose_seed(seed, scenario.seed, bits=31)
    return _configure(scenario, settings, {**PPO_DEFAULTS, **rest}, seed)


def a2c_config(
    what: Any,
    *,
    lanes: int | None = None,
    n_steps: int | None = None,
    lstm: int | None = None,
    policies: str | Mapping[str, str] | None = None,
    seed: int | None = None,
    **training: Any,
) -> PPOConfig:
    """Configure advantage actor-critic (A2C): PPO with one pass over all experience, so that nothing is clipped.

    RLlib no longer has A2C. With a single pass and a single batch PPO's ratio is always one and its
    gradient is A2C's; what differs from 2019's is the optimiser (Adam, not RMSProp) and
    standardised advantages.

    Args:
        what: A scenario name, file, dict or Scenario.
        lanes: Copies of the scenario that are sampled together; 64.
        n_steps: Steps per lane between updates; the trials that a memory spans, or 20 without a memory.
        lstm: Units of the recurrent layer; 64.
        policies: Who learns together, see `Settings`.
        seed: Seed of environment and learning; None: the scenario's, or else one drawn from entropy.
        **training: As for `ppo_config`, but for ``epochs`` and ``minibatches``, which are 1.

    Returns:
        The configuration, not yet built. Of a ``train:`` section for PPO, only what does not belong to the algorithm
        (``network``, ``policies``, ``view`` ...) is used.

    Raises:
        ArgumentError: A setting does not exist, makes no sense, or would have no effect.

    Source:
        Mnih et al. 2016, ICML (arXiv 1602.01783); Huang et al. 2022 (arXiv 2205.09123), "A2C is a
        special case of PPO".
    """
    given = {"lanes": lanes, "n_steps": n_steps, "lstm": lstm, "policies": policies, **training}
    scenario = load_scenario(what)
    section = _section(scenario, "a2c")
    check_a2c({**section, **{key: value for key, value in given.items() if value is not None}})
    settings, rest = resolve(section, {**given, "epochs": 1, "minibatches": 1})
    seed = choose_seed(seed, scenario.seed, bits=31)
    return _configure(scenario, settings, {**A2C_DEFAULTS, **rest}, seed, n_steps=20)


def config_for(what: Any, **settings: Any) -> PPOConfig:
    """Configure the algorithm that a scenario's ``train:`` section names: ``ppo`` (default) or ``a2c``.

    Args:
        what: A scenario name, file, dict or Scenario.
        **settings: As for `ppo_config` and `a2c_config`; ``algorithm`` overrides the scenario's.

    Returns:
        The configuration, not yet built.

    Raises:
        ArgumentError: There is no such algorithm, it cannot learn this scenario (the message says why), or a setting
            makes no sense.
    """
    scenario = load_scenario(what)
    makers = {"a2c": a2c_config, "ppo": ppo_config}
    name = str(settings.pop("algorithm", None) or algorithm_of(scenario.train)).lower()
    if name not in makers:
        probe = _probe(scenario, {**(scenario.train or {}), **settings})
        check_algorithm(name, probe, course_of(probe))
    return makers[name](scenario, **settings)


def _probe(scenario: Any, section: Mapping[str, Any]) -> Any:
    """One lane of the scenario, to look at its spaces and the course of its trials."""
    keys = ("policies", "dt", "session", "view")
    settings, _ = resolve(None, {key: section[key] for key in keys if section.get(key) is not None})
    described = env_config(scenario, seed=0, dt=settings.dt, session=settings.session, view=settings.seen_by)
    return build_engine({**described, "lanes": 1})


def _section(scenario: Any, algorithm: str) -> dict[str, Any]:
    """Return the settings of a scenario's `train:` section, and which agents share a policy."""
    section = section_for(scenario.train, algorithm)
    if scenario.policies is None:
        return section
    if section.setdefault("policies", scenario.policies) != scenario.policies:
        raise ArgumentError(
            f"policies is {scenario.policies!r} in the scenario, but {section['policies']!r} in its train section; "
            "write it in one place."
        )
    return section


def _policies(settings: Settings, probe: Any) -> dict[str, str]:
    """Agent to policy; those with the same spaces learn together unless somebody says otherwise."""
    agents, policies = list(probe.possible_agents), settings.policies
    spaces = {agent: (probe.observation_space(agent), probe.action_space(agent)) for agent in agents}
    if policies is None:
        policies = "shared" if all(pair == spaces[agents[0]] for pair in spaces.values()) else "independent"
    names = policy_mapping(policies, agents)
    for policy in dict.fromkeys(names.values()):
        check_alike(policy, {agent: pair for agent, pair in spaces.items() if names[agent] == policy})
    return names


def _configure(
    scenario: Any, settings: Settings, training: dict[str, Any], seed: int, n_steps: int | None = None
) -> PPOConfig:
    """Put RLlib's configuration together; `n_steps` is the length of a chunk where nothing is to be remembered."""
    quieten()
    scenario = with_feedback(scenario)
    described = env_config(scenario, seed=seed, dt=settings.dt, session=settings.session, view=settings.seen_by)
    probe = build_engine({**described, "lanes": 1})
    for agent in probe.possible_agents:
        choices_for(probe.action_space(agent), agent)
    course = course_of(probe)
    if settings.n_steps is None and not course.remembered:
        settings = replace(settings, n_steps=n_steps)
    settings, training = settings.fitted(course), {**course.training(), **training}
    names = _policies(settings, probe)
    model = _model(settings, course, seed)
    for agent in {name: agent for agent, name in names.items()}.values():
        check_memory(settings, model, probe.observation_space(agent), probe.action_space(agent))
    config = (
        TaskConfig()
        .environment(STOCK_ENV if settings.stock else BATCH_ENV, env_config=described)
        .multi_agent(policies=set(names.values()), policy_mapping_fn=PolicyMapping(names))
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActorCritic, model_config=model))
        .training(**_sizes(settings, names, training))
        .env_runners(
            num_env_runners=settings.num_env_runners,
            num_envs_per_env_runner=settings.lanes,
            rollout_fragment_length=settings.n_steps,
        )
        .fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=1.0,
            env_runner_health_probe_timeout_s=10.0,
            env_runner_restore_timeout_s=60.0,
        )
        .debugging(log_level="ERROR", seed=seed % 2**32)  # NumPy's global generator takes no more
        .reporting(min_time_s_per_iteration=0)
    )
    if settings.stock:
        config.learners(learner_class=StockLearner)
    else:
        config.env_runners(env_runner_cls=BatchedEnvRunner)
        config.learners(learner_class=RolloutLearner, add_default_connectors_to_learner_pipeline=False)
    config.credit = settings.credit or "session"
    if not settings.stock:
        config.reward_scale = reward_scale(described) if settings.reward_scale is None else settings.reward_scale
    return config.seal(stock=settings.stock)


def course_of(probe: Any) -> Course:
    """Read the course of a trial off the engine of a scenario."""
    core = engine_of(probe)
    back = max(stream.tables.task.trials_back() for stream in core.streams)
    separate = not who_draws(probe)
    return Course(float(core.dt), int(probe.trial_steps()), int(probe.memory_steps()), back, separate)


def _sizes(settings: Settings, names: Mapping[str, str], training: dict[str, Any]) -> dict[str, Any]:
    """Return the sizes of an update and of its minibatches; RLlib counts minibatches in agent steps."""
    steps, lanes = settings.n_steps or 20, settings.lanes or 32
    agents = max(list(names.values()).count(name) for name in names.values())
    rows = min(lanes, max(1, lanes * agents // settings.minibatches))  # more, RLlib refuses
    sizes: dict[str, Any] = {
        "train_batch_size_per_learner": lanes * steps * max(1, settings.num_env_runners),
        "minibatch_size": rows * steps * max(1, settings.num_env_runners),
        "num_epochs": settings.epochs,
    }
    if settings.epochs == settings.minibatches == 1:
        sizes["minibatch_size"] = None
    return {**sizes, **training}


def _model(settings: Settings, course: Course, seed: int) -> dict[str, Any]:
    return {
        "network": settings.network_spec,
        "hidden": list(settings.hidden),
        "skip": settings.skip,
        "tmax": settings.tmax,
        "dt": course.dt,
        "hold_steps": settings.hold_steps,
        "seed": seed,
        "max_seq_len": settings.n_steps or 20,
    }
