"""A figure is drawn because scenario or task say so, and refused where it would show nothing."""

from __future__ import annotations

import typing

import numpy as np
import pytest

import neuroparallel as npar
from neuroparallel.errors import ArgumentError, ScenarioError
from neuroparallel.reporting import find_signature
from neuroparallel.reporting.signatures import _SIGNATURES
from neuroparallel.scenario import Signature

TWO = {
    "name": "two",
    "dt": 10,
    "subjects": {
        "rat": {
            "streams": {
                "memory": {"task": "delayed_match_to_sample"},
                "tone": {"task": "choice_reaction", "onset": [0, 100, 500]},
            }
        }
    },
}


def test_a_scenario_may_name_every_analysis_that_there_is_and_no_other() -> None:
    assert {*_SIGNATURES, "none"} == set(typing.get_args(Signature))
    with pytest.raises(ScenarioError, match="signature"):
        npar.Scenario.load({**TWO, "signature": "prq"})


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("prp", "psychological refractory period"),
        ("motion_colour", "two decisions in turn or at once"),
        ("random_dots", "psychometric function"),
        ("context_decision", "psychometric function"),
        ("matching_pennies", "choices in a game"),
        ("dual_random_dots", None),
        ("dpa_gng", "correct by distractor"),
        (TWO, None),  # has a column soa_ms, and yet is no study of the refractory period
    ],
)
def test_scenarios_and_tasks_declare_what_they_are_known_by(what: typing.Any, name: str | None) -> None:
    found = find_signature(what)
    assert (found and found.name) == name


def test_a_scenario_overrules_its_task_and_keeps_its_word_in_a_file() -> None:
    dots = npar.Scenario.load("random_dots")
    assert find_signature(dots.replace(signature="none")) is None
    prp = npar.Scenario.load("prp")
    assert "signature: prp" in prp.to_yaml()
    first = find_signature(prp.only("first"))
    assert first is not None
    assert first.name == "accuracy and response time"  # of the single task


def test_every_signature_of_a_shipped_scenario_has_numbers_and_a_picture() -> None:
    for what, agent, trials in (("context_decision", "ideal_observer", 300), ("prp", "bottleneck", 2000)):
        signature = find_signature(what)
        assert signature is not None
        table = npar.simulate(what, agent, trials=trials)
        assert len(signature.numbers(table)[0])
        assert signature.draw(table).axes


def test_a_figure_that_would_show_nothing_is_refused_with_the_reason() -> None:
    prp = find_signature("prp")
    assert prp is not None
    one = npar.Scenario.load("prp").replace(**{"subjects.subject_0.streams.second.onset": 100})
    table = npar.simulate(one, "bottleneck", trials=100)
    same = npar.Trials({**table.columns, "soa_ms": np.full(len(table), 100.0)})
    with pytest.raises(ArgumentError, match="no slope can be computed: both streams were answered at 1 asynchronies"):
        prp.draw(same)
    dots = find_signature("random_dots")
    assert dots is not None
    with pytest.raises(ArgumentError, match="nothing can be computed from these 50 trials, 0 of which have a choice"):
        dots.draw(npar.simulate("random_dots", "hold", trials=50))
