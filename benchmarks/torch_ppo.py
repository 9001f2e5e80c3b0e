"""A hand-written PPO with an LSTM: how fast training could be without RLlib around it.

One file, one loop, PyTorch and NumPy only: what a person would write who needs just this. It
trains on any object with the batch interface (``reset``, ``step``, ``possible_agents``, spaces;
arrays with lanes on axis 0) whose sessions never end. All agents share one network; lanes and
agents together are the rows of its batches.

    python benchmarks/torch_ppo.py dpa_gng --seconds 10
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class Engine(Protocol):
    """What the loop asks of an engine: PettingZoo's interface, with arrays for values."""

    lanes: int
    possible_agents: list[str]

    def observation_space(self, agent: str) -> Any:
        """Box, (channels,)."""

    def action_space(self, agent: str) -> Any:
        """Discrete or MultiDiscrete."""

    def reset(self, seed: int | None = None) -> tuple[Mapping[str, np.ndarray], Any]:
        """Observations, (lanes, channels) float32, by agent; and infos."""

    def step(self, actions: Mapping[str, np.ndarray]) -> tuple[Any, ...]:
        """Observations, rewards, terminations, truncations, infos."""


@dataclass(frozen=True)
class Settings:
    """The same as RLlib's side of the comparison gets."""

    steps: int = 26  # of a chunk, in each row
    units: int = 64  # of the encoder
    cell: int = 64  # of the LSTM
    epochs: int = 2
    minibatches: int = 2
    learning_rate: float = 3e-3
    discount: float = 0.95
    trace: float = 0.95  # lambda of the generalised advantage
    clip: float = 0.2
    value_weight: float = 0.5
    entropy_weight: float = 0.1
    largest_gradient: float = 0.5
    memory_steps: int = 0  # spread the LSTM's time scales up to twice this; 0: leave them


class Network(nn.Module):
    """Encoder, LSTM, and heads for choices and value; time is axis 0, rows are axis 1."""

    def __init__(self, channels: int, choices: tuple[int, ...], settings: Settings) -> None:
        """Build it; ``choices`` has one entry per factor of the action."""
        super().__init__()
        self.choices = choices
        self.encoder = nn.Linear(channels, settings.units)
        self.lstm = nn.LSTM(settings.units, settings.cell)
        starts = np.cumsum((0, *choices[:-1]))  # where each factor begins in the logits
        self.register_buffer("starts", torch.from_numpy(starts), persistent=False)
        self.policy = nn.Linear(settings.cell, sum(choices))
        self.value = nn.Linear(settings.cell, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)
        nn.init.zeros_(self.policy.bias)
        if settings.memory_steps:
            self._spread_time_scales(2.0 * settings.memory_steps)

    def _spread_time_scales(self, longest: float) -> None:
        """Start with gates that remember for 1 to ``longest`` steps (Tallec & Ollivier 2018)."""
        cell = self.lstm.hidden_size
        with torch.no_grad():
            bias = torch.log(torch.empty(cell).uniform_(1.0, max(longest, 3.0) - 1.0))
            self.lstm.bias_hh_l0[: 2 * cell] = 0.0
            self.lstm.bias_ih_l0[:cell] = -bias
            self.lstm.bias_ih_l0[cell : 2 * cell] = bias

    def forward(self, observations: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Log-probabilities per factor side by side, values, and the state after the last step."""
        hidden, state = self.lstm(torch.tanh(self.encoder(observations)), state)
        parts = self.policy(hidden).split(self.choices, dim=-1)
        logp = torch.cat([part.log_softmax(-1) for part in parts], dim=-1)
        return logp, self.value(hidden).squeeze(-1), state

    def rest(self, rows: int) -> State:
        """The state before the first observation."""
        zeros = torch.zeros(1, rows, self.lstm.hidden_size)
        return zeros, zeros

    def sample(self, logp: Tensor) -> Tensor:
        """Draw a choice per factor, (..., factors) int64."""
        parts = logp.split(self.choices, dim=-1)
        # The largest of log p plus Gumbel noise falls on each choice with probability p.
        drawn = [(part - torch.empty_like(part).exponential_().log()).argmax(-1) for part in parts]
        return torch.stack(drawn, dim=-1)

    def chosen(self, logp: Tensor, actions: Tensor) -> Tensor:
        """Log-probability of the actions, summed over factors."""
        return logp.gather(-1, actions + self.starts).sum(-1)


class Chunk(NamedTuple):
    """What one round of play yields; (steps, rows, ...)."""

    state: State
    observations: Tensor
    actions: Tensor
    logp: Tensor
    advantages: Tensor
    targets: Tensor


def factors(space: Any) -> tuple[int, ...]:
    """Number of choices of each factor of a Discrete or MultiDiscrete space."""
    return tuple(int(n) for n in space.nvec) if hasattr(space, "nvec") else (int(space.n),)


class Trainer:
    """Plays chunks on the engine and improves the network, in turn."""

    def __init__(self, engine: Engine, settings: Settings, seed: int = 0) -> None:
        """Start the engine and make network and optimiser."""
        torch.manual_seed(seed)
        self.engine, self.settings = engine, settings
        self.agents = list(engine.possible_agents)
        channels = {engine.observation_space(agent).shape[0] for agent in self.agents}
        choices = {factors(engine.action_space(agent)) for agent in self.agents}
        if len(channels) > 1 or len(choices) > 1:
            raise ValueError("one shared network: all agents need the same spaces")
        self.network = Network(channels.pop(), choices.pop(), settings)
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.learning_rate, eps=1e-5)
        self.rows = engine.lanes * len(self.agents)
        self.state = self.network.rest(self.rows)
        self.now = self._together(engine.reset(seed)[0])

    def _together(self, by_agent: Mapping[str, np.ndarray]) -> np.ndarray:
        """Rows of all agents, one agent after the other."""
        if len(self.agents) == 1:
            return by_agent[self.agents[0]]
        return np.concatenate([by_agent[agent] for agent in self.agents])

    def _act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Observations and rewards after a step; actions are (rows, factors)."""
        single = actions[:, 0] if actions.shape[1] == 1 else actions
        parts = np.split(single, len(self.agents))
        observations, rewards, *_ = self.engine.step(dict(zip(self.agents, parts, strict=True)))
        return self._together(observations), self._together(rewards)

    @torch.no_grad()
    def play(self) -> Chunk:
        """Take a chunk of steps in all lanes and judge them."""
        steps, network = self.settings.steps, self.network
        observations = torch.empty(steps + 1, self.rows, self.now.shape[1])
        seen = observations.numpy()  # the same memory
        rewards = np.empty((steps, self.rows), np.float32)
        values = np.empty((steps + 1, self.rows), np.float32)
        actions, logps, start = [], [], self.state
        for step in range(steps):
            seen[step] = self.now
            logp, value, self.state = network(observations[step : step + 1], self.state)
            action = network.sample(logp[0])
            actions.append(action)
            logps.append(network.chosen(logp[0], action))
            values[step] = value[0].numpy()
            self.now, rewards[step] = self._act(action.numpy())
        seen[steps] = self.now
        values[steps] = network(observations[steps:], self.state)[1][0].numpy()
        advantages = self._advantages(rewards, values)
        targets = torch.from_numpy(advantages + values[:-1])
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        return Chunk(
            start,
            observations[:-1],
            torch.stack(actions),
            torch.stack(logps),
            torch.from_numpy(advantages),
            targets,
        )

    def _advantages(self, rewards: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Generalised advantages (Schulman et al. 2016); the end of a trial ends nothing."""
        discount, decay = self.settings.discount, self.settings.discount * self.settings.trace
        surprise = rewards + discount * values[1:] - values[:-1]
        for step in range(len(surprise) - 2, -1, -1):
            surprise[step] += decay * surprise[step + 1]
        return surprise

    def learn(self, chunk: Chunk) -> None:
        """Improve the network on a chunk."""
        for _ in range(self.settings.epochs):
            for rows in torch.randperm(self.rows).chunk(self.settings.minibatches):
                loss = self._loss(chunk, rows)
                self.optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.largest_gradient)
                self.optimiser.step()

    def _loss(self, chunk: Chunk, rows: Tensor) -> Tensor:
        """PPO's clipped loss (Schulman et al. 2017) of some rows, whole chunks of them."""
        settings = self.settings
        state = chunk.state[0][:, rows], chunk.state[1][:, rows]
        logp, values, _ = self.network(chunk.observations[:, rows], state)
        ratio = (self.network.chosen(logp, chunk.actions[:, rows]) - chunk.logp[:, rows]).exp()
        advantages = chunk.advantages[:, rows]
        clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
        gain = torch.min(ratio * advantages, clipped * advantages).mean()
        entropy = -(logp.exp() * logp).sum(-1).mean()
        error = (values - chunk.targets[:, rows]).square().mean()
        return settings.value_weight * error - gain - settings.entropy_weight * entropy

    def iterate(self) -> int:
        """Play and learn once; returns the agent-steps taken."""
        self.learn(self.play())
        return self.settings.steps * self.rows


def rate(trainer: Trainer, seconds: float, warm_up: int = 3) -> float:
    """Agent-steps per second of wall-clock time over whole iterations, warm-up not counted."""
    for _ in range(warm_up):
        trainer.iterate()
    steps, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        steps += trainer.iterate()
    return steps / spent


def main() -> None:
    """Train on a shipped scenario and print the rate and what was learnt as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", default="dpa_gng", help="scenario or task")
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    import neuroparallel as npar

    torch.set_num_threads(1)
    engine = npar.batch(options.what, lanes=options.lanes, seed=options.seed)
    memory = engine.memory_steps()
    settings = Settings(steps=engine.trial_steps(), memory_steps=memory)
    trainer = Trainer(engine, settings, options.seed)
    measured = rate(trainer, options.seconds)
    engine.pop_tally()
    trainer.play()
    tally = {name: counts.tolist() for name, counts in engine.pop_tally().items()}
    result = {"agent_steps_per_second": measured, "last_chunk": tally, "settings": asdict(settings)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
