"""What a network must offer, how it is found by its name, and how it is checked before it learns."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch

from neuroparallel.errors import ArgumentError, nearest
from neuroparallel.user_code import check_permission

__all__ = ["Network", "State", "build_network", "check_network", "network_names", "split_network"]

State = dict[str, torch.Tensor]
"""What a network remembers: name to float32 (rows, ...); empty if it remembers nothing."""

_SHIPPED = {
    "gru": "neuroparallel.rllib.networks.gru:GRU",
    "lstm": "neuroparallel.rllib.networks.lstm:LSTM",
    "mlp": "neuroparallel.rllib.networks.mlp:MLP",
    "rnn": "neuroparallel.rllib.networks.rnn:RNN",
    "transformer": "neuroparallel.rllib.networks.transformer:Transformer",
}
_CONTEXT = ("dt", "memory_steps", "seed")


@runtime_checkable
class Network(Protocol):
    """A torch module that turns observations into features, step by step.

    Its constructor takes the number of inputs and the options that the scenario gives. It also receives ``dt`` (ms
    per step), ``memory_steps`` (longest memory of the task, steps; 0 if it has none) and ``seed``, if its signature
    names them.

    Example:
        >>> class Elman(torch.nn.Module):
        ...     def __init__(self, inputs, units=64):
        ...         super().__init__()
        ...         self.rnn = torch.nn.RNN(inputs, units, batch_first=True)
        ...
        ...     def initial_state(self):
        ...         return {"h": torch.zeros(self.rnn.hidden_size)}
        ...
        ...     def forward(self, observation, state):
        ...         output, h = self.rnn(observation, state["h"].unsqueeze(0).contiguous())
        ...         return output, {"h": h.squeeze(0)}
    """

    def initial_state(self) -> State:
        """Return the state of one row before its first observation; without the axis of rows."""
        ...

    def forward(self, observation: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Process a sequence.

        Args:
            observation: float32, (rows, steps, inputs).
            state: Name to float32 (rows, ...), as `initial_state` names them.

        Returns:
            Features, float32 (rows, steps, features), and the state after the last step.
        """
        ...


def network_names() -> list[str]:
    """Return the names of the shipped networks."""
    return sorted(_SHIPPED)


def split_network(given: Any) -> tuple[str, dict[str, Any]]:
    """Split what a scenario says of its network into a name and options.

    Args:
        given: A name (``"gru"``, ``"my_module:MyNetwork"``), or a mapping with ``name`` and options.

    Raises:
        ArgumentError: It is neither, or names no network.
    """
    options = dict(given) if isinstance(given, Mapping) else {"name": given}
    name = options.pop("name", None)
    if not isinstance(name, str) or not all(isinstance(key, str) for key in options):
        raise ArgumentError(
            f"network is {given!r}; it is a name, as 'gru' or 'my_module:MyNetwork', or a mapping with a name and "
            "options, as {name: rnn, units: 100, tau: 50}."
        )
    if name not in _SHIPPED and ":" not in name:
        raise ArgumentError(
            f"network: there is no network {name!r}; there are {', '.join(network_names())}, and "
            f"'module:Class' names one of your own.{nearest(name, _SHIPPED)}"
        )
    return name, options


def build_network(
    given: Any, inputs: int, *, dt: float = 100.0, memory_steps: float = 0.0, seed: int = 0
) -> torch.nn.Module:
    """Make a network and check that it keeps to the protocol.

    Args:
        given: As for `split_network`.
        inputs: Number of input columns.
        dt: Step, ms.
        memory_steps: Longest memory of the task, steps; 0 if it has none.
        seed: Seed of draws that the network makes for its initial weights.

    Raises:
        ArgumentError: There is no such network, an option does not exist, or it does not keep to the protocol.
    """
    name, options = split_network(given)
    cls = _find(name)
    parameters = inspect.signature(cls).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    allowed = [key for key in parameters if key not in ("inputs", "self", *_CONTEXT)]
    for key in options:
        if key not in allowed and not takes_any:
            raise ArgumentError(
                f"network.{key}: the network {name!r} has no option {key!r}; it has "
                f"{', '.join(allowed) or 'none'}.{nearest(key, allowed)}"
            )
    context = {"dt": dt, "memory_steps": memory_steps, "seed": seed}
    context = {key: value for key, value in context.items() if key in parameters}
    try:
        network: torch.nn.Module = cls(inputs, **context, **options)
    except ArgumentError:
        raise
    except Exception as error:  # of the user's class, whatever it may be
        raise ArgumentError(
            f"network: {name}({inputs}) cannot be made: {type(error).__name__}: {error}. Its constructor takes the "
            "number of inputs and its options."
        ) from error
    check_network(network, inputs, name)
    return network


def _find(name: str) -> Any:
    if name not in _SHIPPED:
        _check_permission(name)
    path, _, attribute = _SHIPPED.get(name, name).partition(":")
    try:
        found = getattr(importlib.import_module(path), attribute)
    except (ImportError, AttributeError) as error:
        raise ArgumentError(f"network: {name!r} cannot be imported ({error}). Write it as 'module:Class'.") from error
    if not (inspect.isclass(found) and issubclass(found, torch.nn.Module)):
        raise ArgumentError(f"network: {name!r} is {found!r}; it must be a class derived from torch.nn.Module.")
    return found


def _check_permission(name: str) -> None:
    try:
        check_permission(name)
    except ArgumentError as error:
        raise ArgumentError(f"network: {error}") from None


@torch.no_grad()
def check_network(network: Any, inputs: int, name: str = "network") -> int:
    """Check that a network keeps to the protocol; takes a few milliseconds.

    Args:
        network: The network.
        inputs: Number of its input columns.
        name: Its name, for messages.

    Returns:
        Number of features it puts out.

    Raises:
        ArgumentError: A method is missing, or a shape or type is wrong; says which.
    """
    for method in ("initial_state", "forward"):
        if not callable(getattr(network, method, None)):
            raise ArgumentError(f"network: {name} has no method {method}; see neuroparallel.rllib.networks.Network.")
    start = network.initial_state()
    if not isinstance(start, Mapping) or not all(isinstance(value, torch.Tensor) for value in start.values()):
        raise ArgumentError(f"network: {name}.initial_state() returned {start!r}; it is a dict of tensors.")
    _pass_once(network, inputs, dict(start), name, rows=1, steps=1)  # as it acts; a stray squeeze() fails here
    return _pass_once(network, inputs, dict(start), name, rows=2, steps=3)  # as it learns


def _pass_once(
    network: Any, inputs: int, start: Mapping[str, torch.Tensor], name: str, *, rows: int, steps: int
) -> int:
    """Check what a network makes of so many rows and steps; returns the number of its features."""
    state = {key: value.unsqueeze(0).repeat_interleave(rows, 0) for key, value in start.items()}
    random_state = torch.get_rng_state()
    try:
        result = network(torch.zeros(rows, steps, inputs), state)
    except Exception as error:  # of the user's class, whatever it may be
        raise ArgumentError(
            f"network: {name}.forward failed on an observation of shape ({rows}, {steps}, {inputs}): "
            f"{type(error).__name__}: {error}."
        ) from error
    finally:
        torch.set_rng_state(random_state)  # a check must not change what is drawn afterwards
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError(f"network: {name}.forward returned {type(result).__name__}; it returns (output, state).")
    output, after = result
    if not isinstance(output, torch.Tensor) or output.dim() != 3 or tuple(output.shape[:2]) != (rows, steps):
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ArgumentError(
            f"network: {name}.forward returned an output of shape {shape} for {rows} row(s) of {steps} step(s); it is "
            f"({rows}, {steps}, features)."
        )
    if output.dtype != torch.float32:
        raise ArgumentError(f"network: {name}.forward returned an output of type {output.dtype}; it is torch.float32.")
    before = {key: tuple(value.shape) for key, value in state.items()}
    found = {key: tuple(value.shape) for key, value in after.items()} if isinstance(after, Mapping) else after
    if found != before:
        raise ArgumentError(
            f"network: {name}.forward returned a state of shapes {found}; after initial_state() it is {before}."
        )
    return int(output.shape[2])
