"""Reports: overview and check of a scenario, traces of a subject, results of a run."""

from neuroparallel.reporting.run_report import (
    draw_run,
    find_policy,
    find_run,
    latest_run,
    summarize_policy,
    summarize_run,
)
from neuroparallel.reporting.scenario_check import check_file, scenario_schema
from neuroparallel.reporting.scenario_overview import describe_scenario, timeline
from neuroparallel.reporting.signatures import Signature, find_signature
from neuroparallel.reporting.solved_table import solved_page, write_solved
from neuroparallel.reporting.trace_recording import cut_trace, one_trial, watch

__all__ = [
    "Signature",
    "check_file",
    "cut_trace",
    "describe_scenario",
    "draw_run",
    "find_policy",
    "find_run",
    "find_signature",
    "latest_run",
    "one_trial",
    "scenario_schema",
    "solved_page",
    "summarize_policy",
    "summarize_run",
    "timeline",
    "watch",
    "write_solved",
]
