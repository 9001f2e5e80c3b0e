"""PPO's learner, fed with array rollouts instead of episodes."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.algorithms.ppo.ppo import (
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
    LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY,
)
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.metrics import ALL_MODULES, NUM_ENV_STEPS_TRAINED, NUM_MODULE_STEPS_TRAINED

from neuroparallel.errors import ArgumentError
from neuroparallel.rllib.action_distributions import choices_for
from neuroparallel.rllib.cluster import one_thread
from neuroparallel.rllib.connector import RolloutToBatch
from neuroparallel.rllib.loss import LossTerms, ppo_terms
from neuroparallel.rllib.minibatches import deal, steps_in
from neuroparallel.rllib.policy_keeper import PolicyKeeper
from neuroparallel.rllib.rollout import Rollout

__all__ = ["RolloutLearner"]


class RolloutLearner(PolicyKeeper):
    """RLlib's PPO learner on array rollouts: the same loss and updates, with less ado around them."""

    def build(self) -> None:
        """Build the networks and complete the pipeline.

        Our connector is added here, as RLlib's own learner adds its own, so that it always has the
        ``gamma`` and ``lambda_`` of the final configuration, however that was chained or tuned.

        Raises:
            ArgumentError: The minibatches would cut rows in pieces.
        """
        one_thread()
        self._terms: dict[str, LossTerms] = {}
        self._norms: dict[str, torch.Tensor] = {}
        super().build()
        _check_minibatch(self.config)
        self._by_rllib = _goes_by_rllib(self.config)
        if self._learner_connector is not None:
            own = RolloutToBatch(
                gamma=self.config.gamma,
                lambda_=self.config.lambda_,
                reward_scale=getattr(self.config, "reward_scale", 1.0),  # a plain PPOConfig has none
            )
            self._learner_connector.append(own)

    def configure_optimizers_for_module(self, module_id: str, config: Any = None) -> None:
        """Use PyTorch's fused Adam: the same numbers as RLlib's, in a fraction of the calls."""
        parameters = self.get_parameters(self._module[module_id])
        self.register_optimizer(
            module_id=module_id,
            optimizer=torch.optim.Adam(parameters, eps=1e-5, fused=True),
            params=parameters,
            lr_or_lr_schedule=config.lr,
        )

    def compute_loss_for_module(
        self, *, module_id: str, config: Any, batch: dict[str, Any], fwd_out: dict[str, Any]
    ) -> torch.Tensor:
        """PPO's loss of one policy; RLlib's own where a KL penalty is asked for."""
        if config.use_kl_loss or not config.use_critic:
            loss: torch.Tensor = super().compute_loss_for_module(
                module_id=module_id, config=config, batch=batch, fwd_out=fwd_out
            )
            return loss
        module = self.module[module_id].unwrapped()
        choices = choices_for(module.action_space, module_id)
        logp, entropy = choices.statistics(fwd_out[Columns.ACTION_DIST_INPUTS], batch[Columns.ACTIONS])
        terms = ppo_terms(
            logp=logp,
            old_logp=batch[Columns.ACTION_LOGP],
            entropy=entropy,
            advantages=batch[Postprocessing.ADVANTAGES],
            values=module.compute_values(batch, embeddings=fwd_out.get(Columns.EMBEDDINGS)),
            targets=batch[Postprocessing.VALUE_TARGETS],
            mask=batch.get(Columns.LOSS_MASK),
            clip=config.clip_param,
            vf_clip=config.vf_clip_param,
            vf_coeff=config.vf_loss_coeff,
            entropy_coeff=self.entropy_coeff_schedulers_per_module[module_id].get_current_value(),
        )
        self._terms[module_id] = terms
        return terms.total

    def update(
        self,
        *args: Any,
        training_data: Any = None,
        episodes: Any = None,
        timesteps: dict[str, Any] | None = None,
        num_epochs: int = 1,
        minibatch_size: int | None = None,
        shuffle_batch_per_epoch: bool = False,
        _no_metrics_reduce: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Learn from rollouts; anything else, and learners that work in step with others, as RLlib does.

        Args:
            *args: As RLlib passes them.
            training_data: What to learn from, wrapped.
            episodes: What to learn from, bare.
            timesteps: Lifetime counters, for schedules.
            num_epochs: Passes over the rollouts.
            minibatch_size: Steps per minibatch and policy; None for all at once.
            shuffle_batch_per_epoch: Deal rows in a new order in every pass.
            _no_metrics_reduce: Leave the metrics to later.
            **kwargs: As RLlib passes them.

        Returns:
            RLlib's metrics.
        """
        rollouts = _rollouts(training_data, episodes)
        if args or rollouts is None or self.config.num_learners > 1:
            return super().update(
                *args,
                training_data=training_data,
                episodes=episodes,
                timesteps=timesteps,
                num_epochs=num_epochs,
                minibatch_size=minibatch_size,
                shuffle_batch_per_epoch=shuffle_batch_per_epoch,
                _no_metrics_reduce=_no_metrics_reduce,
                **kwargs,
            )
        self._check_is_built()
        self.before_gradient_based_update(timesteps=timesteps or {})
        self._weights_seq_no += 1
        batch = self._learner_connector(
            rl_module=self.module, batch={}, episodes=rollouts, shared_data={}, metrics=self.metrics
        )
        batch = {name: batch[name] for name in batch if self.should_module_be_updated(name, batch)}
        steps = {name: steps_in(columns) for name, columns in batch.items()}
        parts = round(max(steps.values(), default=0) / minibatch_size) if minibatch_size else 1
        for minibatch in deal(batch, parts=parts, epochs=num_epochs, shuffle=shuffle_batch_per_epoch):
            self._update(minibatch)
        self._report(steps, sum(len(rollout) for rollout in rollouts), num_epochs)
        self.after_gradient_based_update(timesteps=timesteps or {})
        return None if _no_metrics_reduce else self.metrics.reduce()

    def _update(self, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """One step of the optimiser for every policy."""
        if self._by_rllib:
            result: tuple[Any, Any, Any] = super()._update(batch)
            return result
        losses = {}
        for name, columns in batch.items():
            out = self.module[name].forward_train(columns)
            losses[name] = self.compute_loss_for_module(
                module_id=name,
                config=self.config.get_config_for_module(name),
                batch=columns,
                fwd_out=out,
            )
        for optimizer in self._optimizer_parameters:
            optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        for name in losses:
            self._step(name)
        return {}, losses, {}

    def _step(self, name: str) -> None:
        """Clip a policy's gradients by their norm and follow them, unless they are not finite."""
        parameters = list(self.get_parameters(self._module[name]))
        limit = self.config.get_config_for_module(name).grad_clip
        norm = torch.nn.utils.clip_grad_norm_(parameters, float("inf") if limit is None else limit)
        self._norms[name] = norm
        if torch.isfinite(norm):
            for optimizer_name in self._module_optimizers[name]:
                self.get_optimizer(name, optimizer_name).step()

    def _report(self, steps: dict[str, int], env_steps: int, epochs: int) -> None:
        """Log once per update what RLlib logs once per minibatch."""
        counts = [((ALL_MODULES, NUM_ENV_STEPS_TRAINED), env_steps)]
        counts += [((name, NUM_MODULE_STEPS_TRAINED), n * epochs) for name, n in steps.items()]
        counts += [((ALL_MODULES, NUM_MODULE_STEPS_TRAINED), sum(steps.values()) * epochs)]
        for (part, key), value in counts:
            self.metrics.log_value((part, key), value, reduce="sum")
            self.metrics.log_value((part, key + "_lifetime"), value, reduce="lifetime_sum")
        for name in steps:
            terms = self._terms.get(name)
            if terms is None:
                continue
            report = {
                self.TOTAL_LOSS_KEY: terms.total.detach(),
                POLICY_LOSS_KEY: terms.policy,
                VF_LOSS_KEY: terms.value,
                LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY: terms.value_unclipped,
                LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY: terms.explained,
                ENTROPY_KEY: terms.entropy,
            }
            if name in self._norms:
                report["gradients_default_optimizer_global_norm"] = self._norms[name]
            self.metrics.log_dict(report, key=name, window=1)


def _rollouts(training_data: Any, episodes: Any) -> list[Rollout] | None:
    """Return the rollouts, wherever RLlib put them; None if it is something else."""
    if training_data is not None:
        training_data.validate()
        training_data.solve_refs()
        episodes = training_data.episodes
    if not episodes or not all(isinstance(episode, Rollout) for episode in episodes):
        return None
    return list(episodes)


def _goes_by_rllib(config: Any) -> bool:
    """Whether the configuration asks for what only RLlib's own update step has."""
    return bool(
        config.num_learners > 1
        or config.torch_compile_learner
        or config._torch_grad_scaler_class
        or config._torch_lr_scheduler_classes
        or config.log_gradients
        or (config.grad_clip is not None and config.grad_clip_by != "global_norm")
    )


def _check_minibatch(config: Any) -> None:
    """RLlib counts minibatches in steps but deals out whole rows; less than a row would be none at all."""
    size, steps = config.minibatch_size, config.rollout_fragment_length
    if size is None or not isinstance(steps, int):
        return
    if size < steps or size % steps:
        near = max(1, round(size / steps)) * steps
        raise ArgumentError(
            f"minibatch_size is {size}, but must be a multiple of the {steps} steps of a row "
            f"(rollout_fragment_length), for example {near}."
        )
