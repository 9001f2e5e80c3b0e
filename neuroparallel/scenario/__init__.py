"""Scenarios: who performs which tasks, from a file, a name or a dictionary to what an engine plays."""

from __future__ import annotations

from neuroparallel.scenario.scenario import Scenario, What, list_scenarios
from neuroparallel.scenario.schema import Group, Onset, Stream, Subject
from neuroparallel.scenario.written import Signature

__all__ = ["Group", "Onset", "Scenario", "Signature", "Stream", "Subject", "What", "list_scenarios"]
