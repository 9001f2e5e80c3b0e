"""Groups that resolve: the two-player game, what it pays, what players see, and that names do not matter."""

import numpy as np
import pytest

from neuroparallel.engine.batch import BatchEngine
from neuroparallel.engine.scalar import PreviewEngine
from neuroparallel.errors import NeuroparallelError
from neuroparallel.scenario import Scenario
from neuroparallel.scenario.compile import build_layout

MATCHER, MISMATCHER = "matcher", "mismatcher"
PAYOFFS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
CHOICE = 1  # number of the period in which to choose
FEEDBACK = 2


def engine(scenario="matching_pennies", lanes=64, **changes):
    return BatchEngine(build_layout(Scenario.load(scenario).replace(**changes)), lanes)


def play(batch, steps, policies, seed=0, watch=None):
    """Play with one policy per agent, functions of (period, lanes); returns the trial table."""
    observations, infos = batch.reset(seed)
    for _ in range(steps):
        if watch is not None:
            watch(observations, infos)
        actions = {
            agent: policy(infos[agent]["period"], batch.lanes)
            for agent, policy in zip(batch.possible_agents, policies, strict=True)
        }
        observations, rewards, _, _, infos = batch.step(actions)
        if watch is not None and hasattr(watch, "paid"):
            watch.paid(rewards, infos)
    return batch.trials()


def chooser(seed, hesitation=0.5, early=0.0):
    """Chooses at random in the choice period, after a while, and sometimes too early."""
    rng = np.random.default_rng(seed)

    def act(period, lanes):
        choice = rng.integers(1, 3, lanes)
        late, too_early = rng.random(lanes) < hesitation, rng.random(lanes) < early
        return np.where(period == CHOICE, np.where(late, 0, choice), np.where((period == 0) & too_early, choice, 0))

    return act


def always(choice):
    return lambda period, lanes: np.where(period == CHOICE, np.broadcast_to(choice, lanes), 0)


def pairs(table, names=(MATCHER, MISMATCHER)):
    """The same trials of both players, row by row."""
    sides = []
    for name in names:
        mine = table.where(subject=name)
        sides.append(mine.select(np.lexsort((mine["trial"], mine["lane"]))))
    for column in ("lane", "trial"):
        np.testing.assert_array_equal(sides[0][column], sides[1][column])
    return sides


def test_the_table_is_paid_for_every_pair_of_choices():
    first, second = np.repeat([1, 2], 2), np.tile([1, 2], 2)
    table = play(engine(lanes=4), 30, (always(first), always(second)))
    for player, side in enumerate(pairs(table)):
        np.testing.assert_array_equal(side["reward"], PAYOFFS[first - 1, second - 1, player][side["lane"]])
        assert (side["outcome"] == "unscored").all()


def test_both_are_paid_by_the_table_when_they_choose_at_different_times():
    table = play(engine(lanes=256), 100, (chooser(1), chooser(2)))
    one, two = pairs(table)
    both = (one["outcome"] == "unscored") & (two["outcome"] == "unscored")
    assert both.sum() > 1000
    for player, side in enumerate((one, two)):
        expected = PAYOFFS[one["choice"][both] - 1, two["choice"][both] - 1, player]
        np.testing.assert_array_equal(side["reward"][both], expected)
    assert abs(one["reward"][both].mean() - 0.5) < 4 * 0.5 / both.sum() ** 0.5


def test_if_one_does_not_choose_all_get_what_a_miss_pays():
    changes = {"groups.game.game.miss": -0.25}
    one, two = pairs(play(engine(**changes), 40, (always(1), always(0))))
    assert (one["reward"] == -0.25).all()
    assert (two["reward"] == -0.25).all()
    assert (one["outcome"] == "unscored").all()
    assert (two["outcome"] == "miss").all()


def test_an_early_response_is_no_choice_and_is_not_shown_to_the_partner():
    batch = engine()
    column = batch.channel_names(MATCHER).index("partner.choice_1")
    seen = []

    def watch(observations, _infos):
        seen.append(observations[MATCHER][:, column].max())

    one, two = pairs(play(batch, 40, (always(1), lambda period, n: (period == 0) * np.ones(n, int)), watch=watch))
    assert (two["outcome"] == "abort").all()
    np.testing.assert_allclose(two["reward"], -0.1)  # and the miss of the game, 0
    assert (one["reward"] == 0).all()
    assert max(seen) == 0


def test_one_who_has_chosen_waits_for_the_other_and_feedback_comes_to_both_at_once():
    batch = engine(lanes=128)
    seen = []
    play(
        batch, 60, (always(1), chooser(3, 0.6)),
        watch=lambda o, i: seen.append([i[a]["period"] for a in (MATCHER, MISMATCHER)]),
    )  # fmt: skip
    periods = np.array(seen)
    one, two = periods[:, 0], periods[:, 1]
    np.testing.assert_array_equal(one == FEEDBACK, two == FEEDBACK)
    np.testing.assert_array_equal(one == 0, two == 0)
    waiting = one == -1
    assert waiting.any()
    assert (two[waiting] == CHOICE).all()


class Mirror:
    """Checks that the partner's last choice is what a player sees, from the feedback on."""

    def __init__(self, batch):
        names = batch.channel_names(MATCHER)
        self.columns = [names.index(f"partner.choice_{choice}") for choice in (1, 2)]
        self.batch, self.expected = batch, np.zeros(batch.lanes, int)
        self.checked = 0

    def __call__(self, observations, infos):
        stream = self.batch.streams[1]  # the mismatcher's
        fresh = infos[MATCHER]["period"] == FEEDBACK
        chose = np.where(stream.outcome == 6, stream.choice, 0)
        self.expected = np.where(fresh, chose, self.expected)
        shown = observations[MATCHER][:, self.columns]
        np.testing.assert_array_equal(shown[:, 0], self.expected == 1)
        np.testing.assert_array_equal(shown[:, 1], self.expected == 2)
        self.checked += int(fresh.sum())


def test_the_partners_last_choice_is_seen_from_the_feedback_until_the_next_one():
    batch = engine(lanes=128)
    mirror = Mirror(batch)
    play(batch, 80, (chooser(4), chooser(5, early=0.1)), watch=mirror)
    assert mirror.checked > 500


def test_hiding_the_partner_leaves_the_payoffs_as_they_are():
    seen = play(engine(), 60, (chooser(6), chooser(7)))
    hidden = engine(**{"subjects.matcher.sees": [], "subjects.mismatcher.sees": []})
    assert not [name for name in hidden.channel_names(MATCHER) if name.startswith("partner")]
    np.testing.assert_array_equal(play(hidden, 60, (chooser(6), chooser(7)))["reward"], seen["reward"])


def test_the_zero_sum_variant_sums_to_zero_in_every_trial_and_every_step():
    zero_sum = (2 * PAYOFFS - 1).tolist()
    batch = engine(lanes=128, **{"groups.game.game.payoffs": zero_sum})

    class Sums:
        total = 0.0

        def __call__(self, observations, infos):
            pass

        def paid(self, rewards, _infos):
            assert (rewards[MATCHER] + rewards[MISMATCHER] == 0).all()
            self.total += abs(rewards[MATCHER]).sum()

    watch = Sums()
    one, two = pairs(play(batch, 80, (chooser(8, 0.2), chooser(9, 0.2)), watch=watch))
    assert watch.total > 0
    assert (one["reward"] + two["reward"] == 0).all()


def renamed(value, names):
    """A dumped scenario with other names for its subjects."""
    if isinstance(value, dict):
        kept = ("commit",)  # whose "first" is no subject
        return {_renamed(key, names): item if key in kept else renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    return _renamed(value, names) if isinstance(value, str) else value


def _renamed(text, names):
    """A name, or ``subject.stream``, or several of them as in a mix."""
    parts = [part.partition(".") for part in text.split(" + ")]
    return " + ".join("".join([names.get(head, head), dot, rest]) for head, dot, rest in parts)


def test_renaming_subjects_renames_the_trajectory_and_changes_nothing_else():
    scenario = Scenario.load("matching_pennies")
    names = {MATCHER: "zoe", MISMATCHER: "adam"}
    other = Scenario.load(renamed(scenario.dump(), names))
    one, two = engine(scenario), engine(other)
    a, b = (play(batch, 60, (chooser(1), chooser(2))) for batch in (one, two))
    for old, new in names.items():
        for column in ("reward", "choice", "onset_s", "outcome"):
            np.testing.assert_array_equal(a.where(subject=old)[column], b.where(subject=new)[column])


def test_the_order_of_the_subjects_in_the_file_changes_nothing():
    scenario = Scenario.load("matching_pennies")
    value = scenario.dump()
    value["subjects"] = dict(reversed(value["subjects"].items()))
    one, two = engine(scenario), engine(Scenario.load(value))
    assert two.possible_agents == [MISMATCHER, MATCHER]
    a = play(one, 60, (chooser(1), chooser(2)))
    b = play(two, 60, (chooser(2), chooser(1)))
    for name in (MATCHER, MISMATCHER):
        for column in ("reward", "choice", "onset_s", "outcome"):
            np.testing.assert_array_equal(a.where(subject=name)[column], b.where(subject=name)[column])


def test_one_lane_of_the_game_in_plain_python_equals_the_batch():
    layout, rng = build_layout(Scenario.load("matching_pennies")), np.random.default_rng(0)
    batch, single = BatchEngine(layout, 3), PreviewEngine(layout, lane=2)
    many, one = batch.reset(5)[0], single.reset(5)[0]
    for _ in range(400):
        for agent in one:
            np.testing.assert_array_equal(many[agent][2], one[agent])
        actions = {agent: rng.choice(3, 3, p=(0.8, 0.1, 0.1)) for agent in one}
        many, rewards, _, _, _ = batch.step(actions)
        one, earned, _, _ = single.step({agent: int(array[2]) for agent, array in actions.items()})
        assert {agent: array[2] for agent, array in rewards.items()} == earned


def test_a_session_ends_for_both_at_once():
    batch = engine(session={"trials": 3})
    rng = np.random.default_rng(0)
    batch.reset(0)
    ended = np.zeros(batch.lanes, int)
    for _ in range(60):
        actions = {agent: rng.choice(3, batch.lanes, p=(0.8, 0.1, 0.1)) for agent in batch.possible_agents}
        _, _, terminated, truncated, _ = batch.step(actions)
        np.testing.assert_array_equal(truncated[MATCHER], truncated[MISMATCHER])
        assert not terminated[MATCHER].any()
        ended += truncated[MATCHER]
    assert (ended > 0).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("groups.game.game.payoffs", [[1, 0], [0, 1]]),  # one number each: whose is it?
        ("groups.game.game.payoffs", [[[1, 0], [0, 1]]]),  # the second choice is missing
        ("groups.game.then", "feedbak"),
        ("subjects.matcher.sees", ["nobody"]),
    ],
)
def test_a_game_that_does_not_fit_is_refused(key, value):
    with pytest.raises(NeuroparallelError):
        engine(**{key: value})


@pytest.mark.parametrize("options", [2, 3])
def test_games_of_more_options_pay_their_own_table(options):
    rng = np.random.default_rng(0)
    payoffs = rng.integers(-5, 6, (options, options, 2))
    value = Scenario.load("matching_pennies").dump()
    for name in (MATCHER, MISMATCHER):
        value["subjects"][name]["streams"]["play"]["params"] = {"options": options}
    value["groups"]["game"]["game"]["payoffs"] = payoffs.tolist()
    lanes = options**2
    first, second = np.divmod(np.arange(lanes), options)
    sides = pairs(play(engine(Scenario.load(value), lanes), 20, (always(first + 1), always(second + 1))))
    for player, side in enumerate(sides):
        np.testing.assert_array_equal(side["reward"], payoffs[first, second, player][side["lane"]])
