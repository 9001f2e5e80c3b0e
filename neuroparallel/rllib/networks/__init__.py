"""Networks between what a subject observes and its decisions: one file each, and any module of the user's own."""

from __future__ import annotations

from neuroparallel.rllib.networks.protocol import Network, build_network, check_network, network_names

__all__ = ["Network", "build_network", "check_network", "network_names"]
