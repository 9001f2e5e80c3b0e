"""Training with RLlib: a runner on the batch engine, configurations that learn, training, tuning, checkpoints.

The only part of neuroparallel that imports Ray and PyTorch (the ``rllib`` extra).
"""

from __future__ import annotations

import importlib.util

from neuroparallel.errors import MissingDependencyError


def _absent(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):  # a finder refuses it, or something has blocked it in sys.modules
        return True


_missing = [name for name in ("ray", "torch") if _absent(name)]
if _missing:
    raise MissingDependencyError(
        f"neuroparallel.rllib needs {' and '.join(_missing)}, which is not installed. "
        "Run: pip install 'neuroparallel[rllib]'"
    )

from neuroparallel.rllib.adapter import to_multi_agent_env  # noqa: E402
from neuroparallel.rllib.cluster import init_ray  # noqa: E402
from neuroparallel.rllib.config import a2c_config, ppo_config  # noqa: E402
from neuroparallel.rllib.env_creation import env_config, register  # noqa: E402
from neuroparallel.rllib.evaluation import evaluate  # noqa: E402
from neuroparallel.rllib.learner import RolloutLearner  # noqa: E402
from neuroparallel.rllib.module import ActorCritic  # noqa: E402
from neuroparallel.rllib.policy import Policy, load_policy  # noqa: E402
from neuroparallel.rllib.progress import Progress  # noqa: E402
from neuroparallel.rllib.recurrent_initialization import chrono_bias  # noqa: E402
from neuroparallel.rllib.rollout import ModuleRollout, Rollout  # noqa: E402
from neuroparallel.rllib.runner import BatchedEnvRunner  # noqa: E402
from neuroparallel.rllib.solving import solve  # noqa: E402
from neuroparallel.rllib.training import TrainingResult, train  # noqa: E402
from neuroparallel.rllib.tuning import tune  # noqa: E402

__all__ = [
    "ActorCritic",
    "BatchedEnvRunner",
    "ModuleRollout",
    "Policy",
    "Progress",
    "Rollout",
    "RolloutLearner",
    "TrainingResult",
    "a2c_config",
    "chrono_bias",
    "env_config",
    "evaluate",
    "init_ray",
    "load_policy",
    "ppo_config",
    "register",
    "solve",
    "to_multi_agent_env",
    "train",
    "tune",
]
