"""balanced_design_v0, and the urn that it and some tasks and rules draw from."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from neuroparallel.environments import batch
from neuroparallel.errors import ArgumentError, ScenarioError
from neuroparallel.scenario import Scenario
from neuroparallel.seeding import mix
from neuroparallel.task.urn import Urn, exact_counts
from tests.engine.comparing import SideBySide
from tests.tasks import playing
from tests.wrappers.sequences import dots, modified, played


def draws(urn, lanes, steps, where=None, fresh=None):
    """Levels drawn in some lanes, (lanes, steps), with one word for each."""
    memory = {name: np.tile(np.asarray(m.initial, m.dtype), (lanes, 1)) for name, m in urn.memory().items()}
    found = []
    for step in range(steps):
        words = mix(np.arange(lanes).astype(np.uint64) + np.uint64(1_000_003 * step))
        moment = SimpleNamespace(memory=memory, bits=lambda _purpose, words=words: words)
        flags = {name: rule[step] for name, rule in (("where", where), ("fresh", fresh)) if rule is not None}
        found.append(urn.draw(moment, **flags))
    return np.array(found).T


class TestUrn:
    """Draws without replacement."""

    def test_each_block_has_exactly_its_counts(self):
        found = draws(Urn("urn", [1, 0, 3, 2]), 500, 24).reshape(500, 4, 6)
        for level, count in enumerate([1, 0, 3, 2]):
            assert ((found == level).sum(axis=2) == count).all()

    def test_every_order_of_a_block_is_equally_likely(self):
        found = draws(Urn("urn", [2, 2]), 60_000, 4)
        orders = Counter(map(tuple, found.tolist()))
        assert len(orders) == 6
        for often in orders.values():
            assert playing.near(often / 60_000, 1 / 6, 60_000)

    def test_lanes_that_do_not_draw_take_nothing_out(self):
        where = np.arange(12)[:, None] % 2 == np.array([0, 1])
        found = draws(Urn("urn", [2, 4]), 2, 12, where=where)
        for lane in range(2):
            assert np.bincount(found[lane, where[:, lane]]).tolist() == [2, 4]

    def test_a_new_block_begins_where_it_is_asked_for(self):
        fresh = np.broadcast_to(np.arange(8)[:, None] == 3, (8, 400))
        found = draws(Urn("urn", [3, 2]), 400, 8, fresh=fresh)
        assert (found[:, 3:].sum(axis=1) == 2).all()
        assert len(set(found[:, :3].sum(axis=1).tolist())) > 1

    def test_other_counts_begin_a_new_block(self):
        memory = {
            name: np.tile(np.asarray(m.initial, m.dtype), (50, 1)) for name, m in Urn("urn", [1, 1]).memory().items()
        }
        found = []
        for step in range(9):
            words = mix(np.arange(50).astype(np.uint64) + np.uint64(997 * step))
            moment = SimpleNamespace(memory=memory, bits=lambda _purpose, words=words: words)
            found.append(Urn("urn", [4, 4] if step < 5 else [1, 3]).draw(moment))
        assert (np.array(found)[5:].sum(axis=0) == 3).all()

    def test_counts_are_whole_numbers_or_refused_with_the_lengths_that_will_do(self):
        assert exact_counts({"a": (1, 3), "b": (0.5, 0.5)}, 16).tolist() == [2, 2, 6, 6]
        assert exact_counts({"a": (1 / 3, 2 / 3)}, 9).tolist() == [3, 6]
        with pytest.raises(ArgumentError, match=r"block is 10; .* a multiple of 4"):
            exact_counts({"a": (0.25, 0.75)}, 10)
        with pytest.raises(ArgumentError, match="block is 0"):
            exact_counts({"a": (0.5, 0.5)}, 0)


BALANCED = {"balanced_design": {"factors": ["side", "coherence"], "block": 20}}


class TestBalancedDesign:
    """The wrapper, in both engines."""

    def test_every_block_has_every_combination_equally_often(self):
        found = played(dots(BALANCED), 100, 60)
        kinds = (found["side"] * 1000 + found["coherence"]).reshape(100, 3, 20)
        for kind in np.unique(kinds):
            assert ((kinds == kind).sum(axis=2) == 20 / len(np.unique(kinds))).all()
        assert len(np.unique(kinds[:, 0], axis=0)) == 100  # an order of its own in each lane
        assert (found["ground_truth"] == found["side"]).all()

    @pytest.mark.parametrize("action", [1, 2])
    def test_a_blind_agent_earns_exactly_chance(self, action):
        scenario = dots({"balanced_design": {"factors": "side", "block": 10}}, timing={"fixation": 0, "stimulus": 0})
        found = played(scenario, 50, 30, playing.in_windows(playing.engine(scenario, 1), action))
        correct = (found["outcome"] == "correct").reshape(50, 3, 10)
        assert (correct.sum(axis=2) == 5).all()

    @pytest.mark.parametrize("policy", ["oracle", "mixed"])
    @pytest.mark.parametrize(
        "scenario",
        [
            dots(BALANCED),
            modified("stop_signal", {"balanced_design": {"factors": ["stop", "side"], "block": 8}}),
            modified("delayed_comparison", {"balanced_design": {"factors": "pair", "block": 80}}),
            modified("stop_signal", preset="paper"),
            modified("task_switching", params={"csi": [50], "rsi": [50]}),
            modified("task_switching", params={"csi": [50], "rsi": [50], "schedule": "voluntary"}),
            modified("bandit", params={"arms": 3, "chances": [0.6, 0.6, 0.2], "change": "reverse"}),
        ],
        ids=lambda what: "+".join(what.subjects["subject_0"].streams) if isinstance(what, Scenario) else str(what),
    )
    def test_both_engines_draw_the_same(self, scenario, policy):
        pair = SideBySide(scenario, 3, policy)
        for _ in range(400):
            pair.step()
        pair.compare_tables()

    def test_a_saved_state_goes_on_with_what_is_left_of_the_block(self):
        scenario = dots(BALANCED)
        engine = batch(scenario, 8)
        engine.reset(seed=3)
        action = {"subject_0": np.ones(8, np.int64)}
        for _ in range(15):
            engine.step(action)
        saved = engine.state()
        runs = []
        for _ in range(2):
            engine.set_state(saved)
            sides = []
            for _ in range(60):
                engine.step(action)
                sides.append(engine.streams[0].conditions["side"].copy())
            runs.append(np.array(sides))
        np.testing.assert_array_equal(*runs)

    @pytest.mark.parametrize(
        ("task", "options", "message"),
        [
            ("random_dots", {"factors": "sidee", "block": 4}, "Did you mean 'side'"),
            ("random_dots", {"factors": "side", "block": 5}, "a multiple of 2"),
            ("random_dots", {"factors": "side"}, "block is 0"),
            ("random_dots", {"block": 4}, "factors is None"),
            ("random_dots", {"factors": ["side", "side"], "block": 4}, "twice"),
            ("ready_set_go", {"factors": "interval_ms", "block": 4}, "is continuous"),
            ("n_back", {"factors": "target", "block": 10}, "target is decided by its own sequence"),
        ],
    )
    def test_options_that_make_no_sense(self, task, options, message):
        with pytest.raises(ScenarioError, match=message):
            modified(task, {"balanced_design": options})

    @pytest.mark.parametrize("turn", [1, -1])
    def test_what_another_wrapper_decides_cannot_be_balanced(self, turn):
        entries = [{"trial_history": {"probability": 0.8}}, {"balanced_design": {"factors": "side", "block": 4}}]
        with pytest.raises(ScenarioError, match="side"):
            dots(*entries[::turn])

    def test_other_conditions_can(self):
        entries = [{"trial_history": {"probability": 0.8}}, {"balanced_design": {"factors": "coherence", "block": 10}}]
        found = played(dots(*entries), 20, 20)
        for block in found["coherence"].reshape(40, 10):
            assert len(set(Counter(block.tolist()).values())) == 1


class TestShippedCounts:
    """What the paradigms say: 6 targets in 20 items, 2 in common; a quarter of stop trials."""

    def test_stop_signal_sessions_have_exactly_a_quarter_of_stop_trials(self):
        found = played(Scenario.load("stop_signal"), 20, 128)
        stop = found["stop"].reshape(20, 2, 64).astype(bool)
        left = found["side"].reshape(20, 2, 64) == 1
        assert (stop.sum(axis=2) == 16).all()
        assert ((stop & left).sum(axis=2) == 8).all()
        assert ((~stop & left).sum(axis=2) == 24).all()

    @pytest.mark.parametrize(
        "blocks",
        [
            [{"stop_probability": 0.5}, {"stop_probability": 0.25}],
            [{"block": 64}, {"block": 32, "stop_probability": 0.5}],
        ],
        ids=str,
    )
    @pytest.mark.parametrize("preset", ["paper", None])
    def test_a_schedule_has_the_counts_of_each_block(self, blocks, preset):
        blocks = [entry if preset else {"block": 64, **entry} for entry in blocks]
        task = {"preset": preset} if preset else {}
        found = played(modified("stop_signal", {"block_schedule": {"blocks": blocks, "block": 64}}, **task), 20, 128)
        each = found["stop"].reshape(20, 2, 64).sum(axis=2)
        assert {tuple(sorted(row)) for row in each.tolist()} == {(16, 32)}

    @pytest.mark.parametrize("preset", ["paper", "adaptive"])
    def test_a_block_of_n_back_has_exactly_six_targets(self, preset):
        task = modified("n_back", preset=preset, timing={"item": 100, "interval": 100}, dt=100)
        found = played(task, 50, 80, playing.hold)
        for lane in range(50):
            scored = np.flatnonzero(found["lead_in"][lane] == 0)
            blocks = scored[: len(scored) // 20 * 20].reshape(-1, 20)
            assert (found["target"][lane][blocks].sum(axis=1) == 6).all()
            assert ((found["outcome"][lane][blocks] == "correct").sum(axis=1) == 14).all()  # never to respond
        item, target, lead_in = (found[name] for name in ("item", "target", "lead_in"))
        if preset == "paper":
            known = lead_in[:, 2:] == 0
            np.testing.assert_array_equal((item[:, 2:] == item[:, :-2])[known], target[:, 2:].astype(bool)[known])

    def test_dual_n_back_has_two_targets_in_common(self):
        scenario = Scenario.load("dual_n_back_adaptive").dump()
        for stream in scenario["subjects"]["subject_0"]["streams"].values():
            stream["timing"] = {"item": 100, "interval": 100}
        table = playing.run(playing.engine(Scenario.load(scenario), 40), playing.hold, 70)
        sides = []
        for stream in ("position", "letter"):
            part = table.where(stream=stream)
            order = np.lexsort((part["trial"], part["lane"]))
            sides.append({name: np.asarray(part[name])[order].reshape(40, -1) for name in ("target", "lead_in")})
        one, other = sides
        np.testing.assert_array_equal(one["lead_in"], other["lead_in"])
        for lane in range(40):
            scored = np.flatnonzero(one["lead_in"][lane] == 0)
            blocks = scored[: len(scored) // 20 * 20].reshape(-1, 20)
            mine, theirs = (side["target"][lane][blocks].astype(bool) for side in sides)
            assert (mine.sum(axis=1) == 6).all()
            assert (theirs.sum(axis=1) == 6).all()
            assert ((mine & theirs).sum(axis=1) == 2).all()

    def test_both_engines_share_targets(self):
        scenario = Scenario.load("dual_n_back_adaptive").replace(dt=500)
        pair = SideBySide(scenario, 3, "mixed")
        for _ in range(300):
            pair.step()
        pair.compare_tables()

    @pytest.mark.parametrize(
        ("task", "params", "message"),
        [
            ("n_back", {"block": 5}, r"block is 5; .* a multiple of 10"),
            ("stop_signal", {"block": 10}, r"block is 10; .* a multiple of 8"),
        ],
    )
    def test_blocks_that_cannot_be_balanced(self, task, params, message):
        with pytest.raises(ScenarioError, match=message):
            modified(task, params=params)
