"""Checks for those who add tasks, scenarios or environments: call them in your tests.

    from neuroparallel import testkit

    def test_my_task_is_sound():
        testkit.check_task(MyTask())

Each raises `ConformanceError`, an AssertionError, whose message says where and how to mend it.
"""

from neuroparallel.testkit.env_checks import check_env
from neuroparallel.testkit.failures import ConformanceError
from neuroparallel.testkit.scenario_checks import check_scenario, trajectory_digest
from neuroparallel.testkit.task_checks import check_task

__all__ = ["ConformanceError", "check_env", "check_scenario", "check_task", "trajectory_digest"]
