"""Scenarios that the tests of environments share."""

import pytest

from neuroparallel.scenario import Scenario


def two_subjects(**fields):
    """Two subjects that look at dots of their own, in groups of their own."""
    stream = {"streams": {"dots": {"task": "random_dots", "timing": {"stimulus": 300}}}}
    return Scenario.load({"name": "pair", "subjects": {"ann_0": stream, "bob_0": stream}, **fields})


@pytest.fixture(scope="session")
def pair():
    return two_subjects()
