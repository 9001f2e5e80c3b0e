"""Leaky continuous-time rate units, with the constraints that models of cortex use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from neuroparallel.errors import ArgumentError, one_of, whole_number
from neuroparallel.rllib.networks.protocol import State
from neuroparallel.rllib.recurrent_initialization import seeded_uniform

_RATES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": functional.softplus,
}


class RNN(nn.Module):
    """Leaky rate units: tau dx/dt = -x + W r + V u + b, r = f(x), integrated with Euler's method.

    Args:
        inputs: Number of input columns.
        units: Number of units.
        tau: Time constants, ms: a number, or (shortest, longest) for constants spread evenly on a log scale; None
            spreads them from 2 dt to half of the task's memory, or to 20 dt if it has none.
        rate: The function f: ``"tanh"``, ``"relu"`` or ``"softplus"``.
        noise: S.d. of the private noise of a unit in its stationary state; it acts while the subject explores and
            learns, not in tests.
        excitatory: Share of excitatory units, 0 to 1 (Dale's law: all outgoing weights of a unit have one sign, and
            only excitatory units project to the decision); None lets signs be free. Needs ``relu`` or ``softplus``.
        sparsity: Share of recurrent connections that do not exist, 0 to below 1.
        rank: Rank of the recurrent matrix, as W = M N^T; None for full rank.
        dt: Step, ms.
        memory_steps: Longest memory of the task, steps.
        seed: Seed of the connections that exist.

    Source:
        Song, Yang & Wang 2016, PLoS Comput Biol 12:e1004792 (Dale's law, noise); Mastrogiuseppe & Ostojic 2018, Neuron
        99:609 (low rank).
    """

    leak: torch.Tensor
    exists: torch.Tensor
    signs: torch.Tensor | None

    def __init__(
        self,
        inputs: int,
        units: int = 64,
        *,
        tau: float | tuple[float, float] | list[float] | None = None,
        rate: Literal["tanh", "relu", "softplus"] = "tanh",
        noise: float = 0.0,
        excitatory: float | None = None,
        sparsity: float = 0.0,
        rank: int | None = None,
        dt: float = 100.0,
        memory_steps: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.units = whole_number(units, "network.units", 1)
        one_of(rate, tuple(_RATES), "network.rate")
        _check(noise, excitatory, sparsity, rank, rate, units)
        self.noise, self.noisy = float(noise), False
        self.rate: Callable[[torch.Tensor], torch.Tensor] = _RATES[rate]
        excitatory_units = units if excitatory is None else round(excitatory * units)
        leaks = [_leak(tau, n, dt, memory_steps) for n in (excitatory_units, units - excitatory_units) if n]
        self.register_buffer("leak", torch.cat(leaks))  # inhibitory units are not slower than excitatory ones
        self.inputs = nn.Linear(inputs, units)
        self.register_buffer("exists", (seeded_uniform(units, units, seed=seed) >= sparsity).float())
        self.exists.fill_diagonal_(0.0)
        self.register_buffer("signs", None if excitatory is None else _signs(units, excitatory))
        if rank is None:
            self.recurrent = nn.Parameter(_start(units, sparsity, excitatory, self.signs))
        else:
            self.left = nn.Parameter(torch.randn(units, rank) / math.sqrt(units))
            self.right = nn.Parameter(torch.randn(units, rank) / math.sqrt(units))
        self.rank = rank

    def weights(self) -> torch.Tensor:
        """Return the recurrent matrix as it acts, with absent connections and signs; float32, (to, from)."""
        if self.rank is not None:
            return (self.left @ self.right.T) * self.exists
        weights = self.recurrent * self.exists
        return weights if self.signs is None else weights.abs() * self.signs

    def initial_state(self) -> State:
        """Return zeros."""
        return {"x": torch.zeros(self.units)}

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence; see `Network`."""
        weights, leak, x = self.weights().T, self.leak, state["x"]
        driven = self.inputs(observation)
        size = self.noise * (2.0 * leak - leak.square()).sqrt()  # so that the stationary s.d. is `noise`
        rates = []
        for step in range(observation.shape[1]):
            target = driven[:, step] + self.rate(x) @ weights
            x = torch.lerp(x, target, leak)
            if self.noise and self.noisy:
                x = x + size * torch.randn_like(x)
            rates.append(self._seen(self.rate(x)))
        return torch.stack(rates, 1), {"x": x}

    def _seen(self, rates: torch.Tensor) -> torch.Tensor:
        """Return what the decision reads: under Dale's law, excitatory units only."""
        return rates if self.signs is None else rates * (self.signs > 0)


def _check(noise: float, excitatory: float | None, sparsity: float, rank: int | None, rate: str, units: int) -> None:
    if not noise >= 0:
        raise ArgumentError(f"network.noise is {noise!r}; it is a standard deviation of 0 or more.")
    if not 0 <= sparsity < 1:
        raise ArgumentError(f"network.sparsity is {sparsity!r}; it is a share from 0 to below 1.")
    if excitatory is not None and not 0 < excitatory <= 1:
        raise ArgumentError(f"network.excitatory is {excitatory!r}; it is a share above 0 and up to 1.")
    if excitatory is not None and (rate == "tanh" or rank is not None):
        raise ArgumentError(
            "network.excitatory needs rates that are never negative and free weights: set rate: relu or softplus, and "
            "no rank."
        )
    if rank is not None and not 1 <= whole_number(rank, "network.rank", 1) <= units:
        raise ArgumentError(f"network.rank is {rank!r}; it is a whole number from 1 to {units}, the number of units.")


def _signs(units: int, excitatory: float) -> torch.Tensor:
    """Return 1 for excitatory and -1 for inhibitory units."""
    return torch.where(torch.arange(units) < round(excitatory * units), 1.0, -1.0)


def _leak(
    tau: float | tuple[float, float] | list[float] | None, units: int, dt: float, memory_steps: float
) -> torch.Tensor:
    """Return dt / tau of every unit, at most 1."""
    if tau is None:
        tau = (2.0 * dt, max(20.0 * dt, 0.5 * memory_steps * dt))
    bounds = [float(value) for value in tau] if isinstance(tau, (list, tuple)) else [float(tau)] * 2
    if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1] < math.inf:
        raise ArgumentError(f"network.tau is {tau!r}; it is a time above 0 ms, or [shortest, longest].")
    return (dt / torch.logspace(math.log10(bounds[0]), math.log10(bounds[1]), units)).clamp(max=1.0)


def _start(units: int, sparsity: float, excitatory: float | None, signs: torch.Tensor | None) -> torch.Tensor:
    """Return initial weights with a spectral radius near 1; under Dale's law, excitation balances inhibition."""
    weights = torch.randn(units, units) / math.sqrt(units * (1.0 - sparsity))
    if signs is None or excitatory is None:
        return weights
    if excitatory < 1:
        weights = weights * torch.where(signs > 0, 1.0, excitatory / (1.0 - excitatory))
    return 0.5 * weights
