"""The tables of several streams as one: nothing is lost or moved, and no jump ends where no time passes."""

import numpy as np
import pytest

from neuroparallel.engine.linked_tables import OVER, LinkedTables
from neuroparallel.engine.tables import Tables
from neuroparallel.engine.trial_draws import TrialDraws, TrialsAhead
from neuroparallel.seeding import trial_keys
from neuroparallel.tasks import list_tasks, make_task
from neuroparallel.timing import Timing


def tables_of(name, lanes=3):
    made = Tables(make_task(name), 10, lanes)
    if made.lazy:
        draws = TrialDraws(made)
        words = draws.words(np.arange(lanes, dtype=np.uint64))
        values = made.design.values(draws.levels(draws.slots(words))) | draws.values(words)
        made.define(np.arange(lanes), values | {note: np.zeros(lanes) for note in made.task.note_names()})
    return made


def followed(tables, code):
    """Where an action leads, by the stream's own tables, step by step."""
    row, there = code // tables.columns, int(tables.next[code])
    for _ in tables.periods:
        if there < 0 or tables.steps[there] or tables.clock[there]:
            break
        after = int(tables.next[there * tables.columns + tables.actions])
        if after == row:
            break
        there = after
    return there


@pytest.mark.parametrize("name", list_tasks())
def test_an_action_leads_where_the_tables_of_its_own_stream_say(name):
    own, other = tables_of(name), tables_of("economic_choice")
    for place, joint in enumerate([LinkedTables([own, other]), LinkedTables([other, own])]):
        first, rng = joint.first[place], np.random.default_rng(0)
        for code in rng.integers(0, (own.idle + 1) * own.columns, 300):
            row, column = divmod(int(code), own.columns)
            late = column > own.actions
            mine = (row + first) * joint.columns + (
                joint.late + column - own.late if late else joint.timeout if column == own.actions else column
            )
            there = followed(own, code)
            assert joint.jump[mine] == (there - row if there >= 0 else OVER)
            assert joint.moves[mine] == (there != row)
            kept = own.commits and int(own.next[code]) == row + own.phase  # a choice is kept, and its window goes on
            assert joint.enters[mine] == (there >= 0 and int(own.next[code]) != row and not kept)
            for array in ("reward", "outcome", "chosen", "priced", "has_event"):
                assert getattr(joint, array)[mine] == getattr(own, array)[code], array
        rows = np.arange(own.idle + 1)
        np.testing.assert_array_equal(joint.mean[: own.channels.width, rows + first], own.mean)
        assert not joint.mean[own.channels.width :, rows + first].any()


def test_periods_that_never_take_any_time_are_passed_by():
    skips = Tables(make_task("random_dots", timing=Timing(fixation=100, stimulus=500, delay=0, decision=100)), 100)
    assert (skips.steps == 0).any()
    assert not LinkedTables([skips]).any_empty
    begins = Tables(make_task("random_dots", timing=Timing(fixation=0, stimulus=500, delay=0, decision=100)), 100)
    assert LinkedTables([begins]).any_empty  # a trial still begins with it
    assert LinkedTables([skips, begins]).any_empty


@pytest.mark.parametrize("lanes", [1, 3, 5000])
def test_trials_drawn_ahead_are_those_drawn_one_by_one_whatever_the_others_do(lanes):
    tables = Tables(make_task("random_dots"), 100)
    draws, rng = TrialDraws(tables), np.random.default_rng(0)
    keys = rng.integers(0, 2**63, lanes).astype(np.uint64)
    ahead, trial = TrialsAhead(draws, lanes, tables.design.size), np.full(lanes, -1)
    for step in range(300 if lanes < 9 else 12):
        who = (rng.random(lanes) < 0.7).nonzero()[0]
        if step % 10 == 7:  # a new session in some lanes
            keys[who] += np.uint64(1)
            trial[who] = -1
            ahead.forget(who, trial[who])
        trial[who] += 1
        found = ahead.slots.take(ahead.find(who, trial[who], keys))
        np.testing.assert_array_equal(found, draws.slots(draws.words(trial_keys(keys[who], trial[who]))))
