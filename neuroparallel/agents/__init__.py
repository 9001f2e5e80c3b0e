"""Reference agents, which show how well a task can be done, and `simulate`, which lets them play.

``random`` and ``hold`` and ``blind`` are the floor, ``oracle`` and ``ideal_observer`` the ceiling, ``wsls`` is
the simplest habit, ``memory_one`` and ``best_response`` play games. Any object with `Agent`'s two methods can take
their place.
"""

from neuroparallel.agents.accumulator import Accumulator
from neuroparallel.agents.baselines import BlindAgent, HoldAgent, OracleAgent, RandomAgent, StreamAgent
from neuroparallel.agents.confidence import ConfidenceSharer
from neuroparallel.agents.games import BestResponse, MemoryOne
from neuroparallel.agents.ideal_observer import IdealObserver
from neuroparallel.agents.learners import QLearner, TwoStepLearner
from neuroparallel.agents.predictor import Predictor
from neuroparallel.agents.processing_stages import Bottleneck, CapacitySharing
from neuroparallel.agents.protocol import Agent
from neuroparallel.agents.registry import list_agents, make_agent
from neuroparallel.agents.simulation import simulate
from neuroparallel.agents.stop_signal_race import RaceStopper
from neuroparallel.agents.trained_agent import TrainedAgent
from neuroparallel.agents.win_stay_lose_shift import WinStayLoseShift

__all__ = [
    "Accumulator",
    "Agent",
    "BestResponse",
    "BlindAgent",
    "Bottleneck",
    "CapacitySharing",
    "ConfidenceSharer",
    "HoldAgent",
    "IdealObserver",
    "MemoryOne",
    "OracleAgent",
    "Predictor",
    "QLearner",
    "RaceStopper",
    "RandomAgent",
    "StreamAgent",
    "TrainedAgent",
    "TwoStepLearner",
    "WinStayLoseShift",
    "list_agents",
    "make_agent",
    "simulate",
]
