"""Records: the trial table, the log that fills it, and the trace of a run of steps."""

from neuroparallel.records.stream_info import StreamInfo
from neuroparallel.records.table import Table
from neuroparallel.records.trace import Trace
from neuroparallel.records.trace_image import render_trace
from neuroparallel.records.trial_log import TrialLog
from neuroparallel.records.trials import Trials

__all__ = ["StreamInfo", "Table", "Trace", "TrialLog", "Trials", "render_trace"]
