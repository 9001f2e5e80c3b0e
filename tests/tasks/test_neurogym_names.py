"""NeuroGym's words: its forms of durations, its ids of tasks; and tasks that a scenario of the same name hides."""

import gymnasium
import pettingzoo
import pytest

import neuroparallel as npar
from neuroparallel.cli import main
from neuroparallel.errors import ArgumentError, ScenarioError, UnknownNameError
from neuroparallel.modifiers._blocks import read_length
from neuroparallel.tasks import task_class
from neuroparallel.tasks._neurogym import _OTHERS, COUNTERPARTS
from neuroparallel.timing import Choice, TruncExp, Uniform, read_duration


def only_stream(scenario):
    ((_, stream),) = scenario.stream_items()
    return stream


def one_stream(task, **options):
    return {"name": "x", "subjects": {"rat": {"streams": {"a": {"task": task, **options}}}}}


FORMS = [
    (("uniform", (100, 500)), Uniform(100, 500)),
    (("truncated_exponential", (300, 200, 800)), TruncExp(300, 200, 800)),
    (("choice", [100, 200]), Choice(100, 200)),
    (("constant", 300), 300.0),
    ((300, 700), Choice(300, 700)),
]


@pytest.mark.parametrize(("form", "law"), FORMS)
def test_neurogyms_durations_are_read_in_python_and_in_files(form, law, tmp_path):
    assert read_duration(form) == law
    assert npar.make_task("random_dots", timing={"stimulus": form}).timing["stimulus"] == law
    listed = [list(part) if isinstance(part, tuple) else part for part in form]
    file = tmp_path / "x.yaml"
    stream = f"{{task: random_dots, timing: {{stimulus: {listed}}}, onset: {{ms: {listed}}}}}"
    file.write_text(f"name: x\ndt: 100\nsubjects: {{rat: {{streams: {{a: {stream}}}}}}}\n")
    stream = only_stream(npar.Scenario.load(str(file)))
    assert stream.make().timing["stimulus"] == law
    assert (stream.onset.law or stream.onset.ms) == law
    assert (
        only_stream(npar.Scenario.load("random_dots").replace(timing={"stimulus": form})).make().timing["stimulus"]
        == law
    )


def test_neurogyms_durations_are_read_as_lengths_of_blocks_and_by_tasks():
    assert npar.make_task("ready_set_go", interval=("uniform", (400, 900))).interval == Uniform(400, 900)
    pair, law = (read_length(value, "blocks") for value in (("uniform", (20, 100)), {"uniform": [20, 100]}))
    assert pair == law


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (("unifrom", (1, 2)), "there is no law 'unifrom'. Did you mean 'uniform'?"),
        (("uniform", 1, 2), 'write a law\'s name and its numbers: ("uniform", (500, 1500))'),
        (("uniform", (1,)), "takes the shortest and the longest duration"),
        (("until", 500), "a period does not end at a time of the trial"),
        (("constant", "a"), "'a' is no finite number"),
        (lambda: 300, "a function is no duration"),
    ],
)
def test_a_form_that_does_not_fit_says_which_would(form, message):
    with pytest.raises(ArgumentError) as raised:
        npar.make_task("random_dots", timing={"stimulus": form})
    assert str(raised.value).startswith("timing.stimulus: ")
    assert message in str(raised.value)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_neurogyms_ids_are_the_tasks_that_stand_for_them(name):
    task = npar.make_task(name)
    found = COUNTERPARTS[name]
    assert type(task) is task_class(name) is task_class(found.task)
    scenario = npar.Scenario.load(name)
    assert only_stream(scenario).make() == task
    assert f"{name} is the task {found.task} with the preset neurogym" in scenario.description
    assert only_stream(npar.Scenario.load(one_stream(name))).make() == task
    env = npar.gym_env(name, seed=1)
    env.reset()
    assert env.step(0)[0].shape == env.observation_space.shape


def test_what_is_written_beside_an_id_comes_before_its_numbers():
    assert npar.make_task("GoNogo-v0", "paper") == npar.make_task("go_nogo", "paper")
    assert only_stream(npar.Scenario.load(one_stream("GoNogo-v0", preset="paper"))).make().sigma != 0
    name = "PerceptualDecisionMakingDelayResponse-v0"
    for task in (
        npar.make_task(name, timing={"delay": 100}),
        only_stream(npar.Scenario.load(one_stream(name, timing={"delay": 100}))).make(),
    ):
        assert dict(task.timing) == {"fixation": 0, "stimulus": 1100, "delay": 100, "decision": 1500}


@pytest.mark.parametrize("name", _OTHERS)
def test_ids_without_a_counterpart_name_the_nearest(name):
    with pytest.raises(UnknownNameError, match="has no counterpart here; ") as raised:
        npar.make_task(name)
    nearest = (_OTHERS[name] or "").split(" ")[0]
    assert nearest in str(raised.value)
    assert not nearest or nearest in npar.list_tasks()
    with pytest.raises(UnknownNameError, match="has no counterpart here; "):
        npar.gym_env(name)
    with pytest.raises(ScenarioError, match=r"streams\.a\.task: NeuroGym's task .* has no counterpart here; "):
        npar.Scenario.load(one_stream(name))


def test_a_misspelt_id_is_offered_the_right_one():
    with pytest.raises(UnknownNameError, match="Did you mean 'GoNogo-v0'"):
        npar.make_task("GoNoGo-v0")


def test_show_says_which_preset_an_id_means(capsys):
    assert main(["show", "GoNogo-v0"]) in (0, None)
    told = capsys.readouterr()
    assert "description: NeuroGym's GoNogo-v0 is the task go_nogo with the preset neurogym." in told.out


def test_a_hidden_task_is_reached_everywhere(capsys):
    name = "task:matching_pennies"
    hidden = npar.make_task("matching_pennies")
    assert npar.make_task(name) == hidden
    assert only_stream(npar.Scenario.load(name)).make() == hidden
    written = npar.Scenario.load(one_stream(name))
    assert only_stream(written).make() == hidden
    assert only_stream(written).task == "matching_pennies"
    assert npar.simulate(name, trials=20, seed=1)["task"][0] == "matching_pennies"
    assert npar.gym_env(name).scenario.subjects == npar.Scenario.load(name).subjects
    assert gymnasium.make("neuroparallel/TaskMatchingPennies-v0").unwrapped.scenario.subjects.keys() == {"subject_0"}
    if hasattr(pettingzoo, "make"):
        env = pettingzoo.make("parallel", "neuroparallel/TaskMatchingPennies-v0")
        assert env.possible_agents == ["subject_0"]
    assert main(["run", name, "--steps", "20", "--seed", "1"]) in (0, None)
    assert "subject_0.matching_pennies" in capsys.readouterr().out
