"""The command line: every verb answers, and what cannot be done is said in one message."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import neuroparallel as npar
from neuroparallel.cli import NOT_PASSED, main
from neuroparallel.cli.commands import build_parser
from neuroparallel.cli.common import changes_of
from neuroparallel.cli.train import CLAIM, _new_place
from neuroparallel.cli.tune import _again
from neuroparallel.reporting import check_file, one_trial, timeline, watch

ROOT = Path(__file__).resolve().parent.parent
BLOCKED = "sys.modules['ray'] = None"
SHORT = ["--budget", "1"]


@pytest.fixture
def away(tmp_path, monkeypatch):
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys):
    """What was printed: results and messages."""
    return capsys.readouterr()


# ---- looking ----------------------------------------------------------------------------------------------------


def test_tasks_lists_every_task_with_its_first_sentence(capsys):
    assert main(["tasks"]) == 0
    printed = said(capsys).out
    assert all(name in printed for name in npar.list_tasks())
    assert "Report the net direction of noisy motion." in printed


def test_scenarios_lists_those_with_a_tag(capsys):
    assert main(["scenarios", "--tag", "dual_task"]) == 0
    printed = said(capsys).out
    assert "dpa_gng" in printed
    assert "bandit" not in printed


@pytest.mark.parametrize("name", npar.list_scenarios())
def test_what_show_prints_is_the_same_scenario_again(name, capsys):
    assert main(["show", name]) == 0
    assert npar.Scenario.load(yaml.safe_load(said(capsys).out)) == npar.Scenario.load(name)


def test_show_tells_periods_channels_and_actions(capsys):
    assert main(["show", "dpa_gng", "--set", "subjects.subject_0.streams.memory.timing.delay=2400"]) == 0
    printed = said(capsys).out
    assert "500 ms  delay            2400 ms" in printed
    assert "0 withhold, 1 lick" in printed
    assert "gonogo.stimulus_go" in printed
    assert "Discrete(2)" in printed


def test_a_timeline_starts_a_waiting_stream_when_what_it_waits_for_is_over():
    lines = timeline("dpa_gng")
    assert any(line.split() == ["800", "ms", "stimulus", "200", "ms"] for line in lines)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("go_nogo", "What 'stimulus' shows in the period 'stimulus' has to be remembered for up to 0.5 s, until "),
        ("ready_set_go", "What 'ready' shows in the period 'ready' has to be remembered for up to 1.5 s, until "),
        ("dpa_gng", "subject_0.gonogo: What 'stimulus' shows in the period 'stimulus' has to be remembered for"),
        ("random_dots", None),
    ],
)
def test_a_timeline_says_what_has_to_be_remembered_and_until_when(what, line):
    lines = timeline(what)
    assert any(one.startswith(line) for one in lines) if line else not any("remembered" in one for one in lines)


def test_a_timeline_says_when_a_stream_may_begin_and_shows_one_of_these_times():
    prp = npar.Scenario.load("prp")
    onset = "subjects.subject_0.streams.second.onset"
    text = "\n".join(timeline(prp.replace(**{onset: [0, 50, 800]})))
    assert "begins at 0, 50 or 800 ms, drawn in each trial; here at 50 ms" in text
    assert "  50 ms  fixation" in text
    text = "\n".join(timeline(prp.replace(**{onset: {"uniform": [0, 505]}})))
    assert "begins at 0 to 505 ms (uniform), drawn in each trial; here at 260 ms" in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=1e-3", 1e-3),
        ("timing.stimulus=[200, 300]", [200, 300]),
        ("action=shared", "shared"),
        ("a={b: 1}", {"b": 1}),
    ],
)
def test_values_of_set_are_yaml(text, value):
    assert list(changes_of([text]).values()) == [value]


# ---- refusing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["show", "randm_dots"], "Did you mean 'random_dots'?"),
        (["show", "random_dots", "--set", "timing.delay=150"], "use 100 or 200 ms"),
        (["show", "random_dots", "--set", "delay"], "write key=value"),
        (["run", "random_dots", "--steps", "0"], "steps is 0"),
        (["run", "random_dots", "--steps", "3", "--agent", "orakle"], "Did you mean 'oracle'?"),
        (["run", "random_dots", "--agent", "bottleneck", "--option", "shar=1"], "Did you mean 'shape'?"),
        (["run", "random_dots", "--agent", "bottleneck", "--option", "shape"], "write key=value"),
        (["run", "random_dots", "--agent", "bottleneck", "--option", "errors=2"], "errors is 2"),
        (["run", "random_dots", "--steps", "3", "--agent", "runs/none"], "There is no run in runs/none"),
        (["scenarios", "--tag", "dual"], "Did you mean 'dual_task'?"),
        (["bench", "--only", "bacth"], "Did you mean 'batch'?"),
        (["check"], "check needs a FILE"),
        (["run", "random_dots", "--trials", "0"], "--trials is 0"),
        (["report", "nowhere"], "There is no run in nowhere"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(arguments, told, capsys, away):
    assert main(arguments) == 2
    printed = said(capsys)
    assert told in printed.err
    assert printed.out == ""
    assert "Traceback" not in printed.err


def test_a_picture_that_cannot_be_written_is_a_message(capsys, away):
    (away / "file").write_text("")
    assert main(["run", "random_dots", "--steps", "3", "--plot", "file/picture.png"]) == 2
    assert "file" in said(capsys).err


def test_check_names_file_line_and_key_of_every_problem(capsys, away):
    (away / "bad.yaml").write_text(
        "name: bad\nsubjects:\n  rat:\n    streams:\n      a: {task: go_nogoo}\n      b:\n        task: go_nogo\n"
        "        timming: {delay: 100}\n"
    )
    assert main(["check", "bad.yaml"]) == 1
    lines = said(capsys).out.splitlines()
    assert [line.split(" ", 2)[:2] for line in lines] == [
        ["bad.yaml:5:", "subjects.rat.streams.a.task:"],
        ["bad.yaml:8:", "subjects.rat.streams.b.timming:"],
    ]
    assert "'go_nogo'" in lines[0]
    assert "'timing'" in lines[1]


def test_check_reads_a_file_of_any_name_from_anywhere(away):
    (away / "scenario.txt").write_text("name: x\nsubjects: {rat: {streams: {a: {task: go_nogo}}}}\n")
    assert check_file("scenario.txt") == check_file(away / "scenario.txt") == []


def test_every_shipped_scenario_is_good():
    assert [problem for file in sorted((ROOT / "scenarios").glob("*.yaml")) for problem in check_file(file)] == []


@pytest.mark.rllib
def test_check_looks_into_the_train_section_too(away):
    head = "name: x\nsubjects:\n  rat:\n    streams:\n      a: {task: go_nogo}\ntrain:\n  lr: 1e-3\n"
    (away / "setting.yaml").write_text(head + "  lanez: 3\n")
    (away / "stream.yaml").write_text(head + "  criterion: {b: 0.9}\n")
    assert "setting.yaml:8: train.lanez:" in check_file("setting.yaml")[0]
    assert "stream.yaml:8: train.criterion.b:" in check_file("stream.yaml")[0]


@pytest.mark.rllib
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("budget_s: soon", "train.budget_s: budget_s is 'soon'; it is a number of seconds above 0"),
        ("criterion: 0.9", "train.criterion: criterion is 0.9; it is a mapping of streams to the share"),
        ("criterion: {a: 2}", "train.criterion.a: 2 is no share of trials, above 0 and up to 1"),
        ("curriculum: 3", "train.curriculum: curriculum is 3; it is a list of stages, each a mapping of changes"),
        ("curriculum: [{timing.delai: 5}]", "train.curriculum.0: .*timing.delai.* Did you mean 'delay'?"),
        ("explore: perhaps", "train.explore: explore is 'perhaps'; it is true or false"),
        ("lanes: true", "train.lanes: lanes is True; it is a whole number"),
    ],
)
def test_check_knows_what_training_would_refuse(away, line, told):
    head = "name: x\nsubjects:\n  rat:\n    streams:\n      a: {task: go_nogo}\ntrain:\n  lr: 1e-3\n"
    (away / "x.yaml").write_text(f"{head}  {line}\n")
    (problem,) = check_file("x.yaml")
    assert re.search(f"x.yaml:8: {told}", problem)


def test_the_schema_knows_every_key(capsys):
    assert main(["check", "--schema"]) == 0
    schema = json.loads(said(capsys).out)
    assert set(schema["properties"]) == set(npar.Scenario.model_fields)
    assert schema["additionalProperties"] is False


# ---- running ----------------------------------------------------------------------------------------------------


def test_the_first_example_of_the_readme_draws_200_steps(capsys, away):
    assert main(["run", "random_dots", "--steps", "200", "--agent", "random", "--plot", "random_dots.png"]) == 0
    assert (away / "random_dots.png").read_bytes().startswith(b"\x89PNG")
    assert "random_dots" in said(capsys).out


def test_run_of_two_subjects_draws_each(capsys, away):
    assert main(["run", "matching_pennies", "--steps", "30", "--plot", "game.png"]) == 0
    assert {file.name for file in away.glob("*.png")} == {"game_matcher.png", "game_mismatcher.png"}


def test_run_writes_as_many_trials_as_asked_for(capsys, away):
    assert main(["run", "go_nogo", "--trials", "70", "--agent", "oracle", "--out", "deep/trials.csv"]) == 0
    trials = npar.Trials.read_csv(away / "deep" / "trials.csv")
    assert len(trials) == 70
    assert trials.performance() == {"subject_0.go_nogo": 1.0}


def test_run_prints_and_draws_what_a_paradigm_is_known_by(capsys, away):
    assert main(["run", "prp", "--agent", "bottleneck", "--trials", "30", "--plot", "prp.png"]) == 0
    printed = said(capsys).out
    assert "psychological refractory period" in printed
    assert "slope of response 2 from 0 to 100 ms: " in printed
    rows = [line.split() for line in printed.splitlines()]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 8 and row[0].isdigit()}
    assert set(counts) <= {"0", "50", "100", "150", "300", "500", "800", "1200"}
    assert sum(counts.values()) == 30
    assert (away / "prp.png").stat().st_size > 10_000


def test_an_agent_may_have_options(capsys):
    never = ["run", "random_dots", "--agent", "bottleneck", "--option", "central=9000", "--trials", "20"]
    assert main(never) == 0
    assert "20 miss" in said(capsys).out


@pytest.mark.parametrize(
    ("what", "agent", "told"),
    [
        ("stop_signal", "race_stopper", "stop-signal reaction time"),
        ("two_step", "model_based", "reward by transition: +0."),
        ("random_dots", "ideal_observer", "psychometric function"),
        ("choice_reaction", "oracle", "two different times"),
    ],
)
def test_run_prints_the_numbers_that_go_with_the_columns(what, agent, told, capsys):
    assert main(["run", what, "--agent", agent, "--trials", "600"]) == 0
    assert told in said(capsys).out


def test_run_says_why_trials_do_not_show_what_the_paradigm_is_known_by(capsys):
    assert main(["run", "two_step", "--agent", "hold", "--trials", "20"]) == 0
    printed = said(capsys)
    assert "note: staying in the two-step task" in printed.err
    assert "20 miss" in printed.out


def test_watching_sees_what_the_environment_shows():
    traces, trials = watch("dpa_gng", "hold", steps=120, seed=4)
    trace = traces["subject_0"]
    env = npar.parallel_env("dpa_gng", seed=4)
    observations, infos = env.reset()
    for step in range(120):
        assert trace.observations[step].tolist() == observations["subject_0"].tolist()
        assert trace.periods[step].tolist() == [infos["subject_0"][f"{s}.period"] for s in ("memory", "gonogo")]
        observations, rewards, _, _, infos = env.step({"subject_0": 0})
        assert trace.rewards[step] == rewards["subject_0"]
        assert trace.outcomes[step].tolist() == [infos["subject_0"][f"{s}.outcome"] for s in ("memory", "gonogo")]
    assert len(trials) == len(env.trials())


def test_one_trial_is_a_whole_one_in_which_both_tasks_ask_for_a_response():
    trace = one_trial(watch("dpa_gng", "oracle", steps=1000, seed=0)[0]["subject_0"])
    assert len(trace) == 26
    assert (trace.ground_truth > 0).any(axis=0).all()
    assert trace.outcomes[-1, 0] == npar.Outcome.CORRECT


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "neuroparallel", "--version"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == ["neuroparallel", npar.__version__]


def test_a_reader_that_has_seen_enough_is_no_error(fresh_environ):
    command = f"{sys.executable} -m neuroparallel show dpa_gng | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=fresh_environ, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("name: dpa_gng\n", "")


# ---- training ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rllib
def test_a_run_is_kept_resumed_reported_and_evaluated(capsys, away):
    hard = ["--set", "train.criterion={go_nogo: 1.0}", "--set", "params.sigma=9"]
    assert main(["train", "go_nogo", *SHORT, "--lanes", "16", *hard]) == NOT_PASSED
    (run,) = (away / "runs" / "go_nogo").iterdir()
    kept = {"scenario.yaml", "trials.csv", "history.csv", "checkpoint", "summary.json", "trial.png"}
    assert kept <= {file.name for file in run.iterdir()}
    before = json.loads((run / "summary.json").read_text())
    assert npar.Scenario.load(run / "scenario.yaml").train == {"criterion": {"go_nogo": 1.0}, "lanes": 16}

    assert main(["train", "go_nogo", "--resume", *SHORT]) == NOT_PASSED
    after = json.loads((run / "summary.json").read_text())
    assert after["steps"] > before["steps"]
    assert [run] == list((away / "runs" / "go_nogo").iterdir())
    assert f"neuroparallel train --resume {run}" in said(capsys).out

    assert main(["report", "runs/go_nogo"]) == 0
    assert "trials in trials.csv, without exploration" in said(capsys).out
    assert main(["evaluate", "runs/go_nogo", "--lanes", "8", "--trials", "2", "--out", "fresh.csv"]) == 0
    assert len(npar.Trials.read_csv("fresh.csv")) == 16
    assert main(["run", "go_nogo", "--agent", str(run), "--steps", "40", "--plot", "acts.png"]) == 0
    assert main(["run", "go_nogo", "--agent", str(run), "--trials", "40"]) == 0
    assert main(["run", "dpa_gng", "--agent", str(run), "--steps", "9"]) == 2
    assert "learnt with 3 channels" in said(capsys).err


def test_without_ray_the_message_says_what_to_install(fresh_environ):
    code = "import sys; sys.modules['ray'] = None; from neuroparallel.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "dpa_gng"], capture_output=True, text=True, env=fresh_environ, check=False
    )
    assert done.returncode == 2
    assert "pip install 'neuroparallel[rllib]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.rllib
def test_a_run_without_a_criterion_ends_after_its_steps_and_is_no_failure(capsys, away):
    free = ["--set", "train.criterion={}"]
    assert main(["train", "random_dots", "--budget-steps", "2e4", "--lanes", "16", "--out", "here", *free]) == 0
    out = said(capsys).out
    assert "no criterion, trained until its budget of steps" in out
    assert "signature.png" in out
    rows = npar.Trials.read_csv(away / "here" / "trials.csv")
    assert f"Measured on the {len(rows):,} trials in trials.csv" in out
    assert main(["evaluate", "here", "--lanes", "3", "--trials", "50", "--out", "tested.csv"]) == 0
    tested = npar.Trials.read_csv(away / "tested.csv")
    assert f"{100 * tested['correct'].mean():.1f} % correct" in said(capsys).out
    assert [int(tested["trial"][tested["lane"] == lane].max()) for lane in range(3)] == [49, 49, 49]
    with pytest.raises(SystemExit):
        main(["train", "random_dots", "--budget-steps", "2.5"])


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.filterwarnings("ignore:psychometric function")  # nothing to draw after a second
def test_the_second_example_of_the_readme_trains(capsys, away):
    assert main(["train", "random_dots_a2c", *SHORT, "--out", "here"]) == NOT_PASSED
    resolved = npar.Scenario.load(away / "here" / "scenario.yaml")
    assert resolved.wrappers == ("previous_reward", "previous_action")
    assert resolved.train["algorithm"] == "a2c"
    assert (away / "here" / "trial.png").exists()


@pytest.mark.parametrize(
    ("module", "name"), [("numpy", "/bin/neuroparallel"), ("numpy", "-m"), ("neuroparallel.scenario", "a")]
)
def test_ctrl_c_while_it_starts_is_one_line(fresh_environ, module, name):
    code = f"""
import os, signal, sys
sys.argv[0] = {name!r}
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
from neuroparallel.cli import main
sys.exit(main(["scenarios"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=fresh_environ)
    assert done.returncode == 130
    assert (done.stdout, done.stderr) == ("", "neuroparallel: stopped.\n")
    code = code.replace("from neuroparallel.cli import main", "import neuroparallel, neuroparallel.scenario")
    program = subprocess.run(
        [sys.executable, "-c", code.replace(repr(name), "'mine'")], capture_output=True, text=True, env=fresh_environ
    )
    assert program.stderr.endswith("KeyboardInterrupt\n")  # somebody else's program is left to its own ways


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_and_what_clusters_and_closed_terminals_send_keep_what_was_learnt(fresh_environ, tmp_path, name):
    command = [sys.executable, "-m", "neuroparallel", "train", "go_nogo", "--budget", "300", "--out", "kept"]
    command += [
        "--set",
        "train.evaluate_every_s=0.5",
        "--set",
        "train.criterion={go_nogo: 1.0}",
        "--set",
        "params.sigma=9",
    ]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**fresh_environ, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output
        )
    deadline = time.monotonic() + 120
    while " of 300 s" not in log.read_text() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    for _ in range(3):  # who is impatient loses nothing
        process.send_signal(getattr(signal, name))
        time.sleep(0.1)
    assert process.wait(120) == 130, log.read_text()
    summary = json.loads((tmp_path / "kept" / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert "Traceback" not in log.read_text()
    assert "--resume" in log.read_text()


OWN_TASK = """
from neuroparallel.tasks.inhibition.go_nogo import GoNogo


class Mine(GoNogo):
    \"\"\"A task beside the scenario file.\"\"\"
"""


@pytest.mark.slow
@pytest.mark.rllib
def test_the_printed_resume_command_works_from_any_folder_with_a_task_beside_the_scenario(fresh_environ, tmp_path):
    home, away = tmp_path / "my work", tmp_path / "away"
    home.mkdir(), away.mkdir()
    (home / "my_tasks.py").write_text(OWN_TASK)
    (home / "mine.yaml").write_text(
        "name: mine\nsubjects: {subject_0: {streams: {mine: {task: 'my_tasks:Mine'}}}}\n"
        "train: {criterion: {reward: 9}, lanes: 16}\n"  # more than there is, so that every sitting ends unfinished
    )

    def command(words, folder):
        words = [sys.executable, "-m", *words]
        done = subprocess.run(words, cwd=folder, env=fresh_environ, capture_output=True, text=True, timeout=200)
        assert done.returncode in (0, 3), done.stderr
        return done.stdout

    first = command(["neuroparallel", "train", str(home / "mine.yaml"), *SHORT, "--out", "../my run"], home)
    again = shlex.split(re.search(r"To go on from here: (.*)", first)[1])
    assert again[:3] == ["neuroparallel", "train", "--resume"]
    for _ in range(2):  # the second time from the folder that the run itself remembers
        assert "To go on from here" in command([*again, *SHORT], away)
    run = str(tmp_path / "my run")
    assert "trials in trials.csv" in command(["neuroparallel", "report", run, "--code"], away)
    assert "mine" in command(["neuroparallel", "evaluate", run, "--lanes", "4", "--code"], away)
    acting = ["run", str(home / "mine.yaml"), "--agent", run, "--trials", "20"]
    assert "mine" in command(["neuroparallel", *acting, "--code"], away)


@pytest.mark.slow
@pytest.mark.rllib
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("checkpoint/neuroparallel.json", "{}"),
        ("checkpoint/learner_group/learner/state.pkl", ""),
        ("scenario.yaml", "name: other\nsubjects: {subject_0: {streams: {dots: {task: random_dots}}}}\n"),
    ],
)
def test_a_damaged_run_is_one_message(fresh_environ, tmp_path_factory, file, content):
    folder = tmp_path_factory.getbasetemp()
    run = folder / "damaged"
    if not run.exists():
        assert main(["train", "go_nogo", "--budget", "0.3", "--out", str(run)]) in (0, 3)
    before = (run / file).read_bytes()
    (run / file).write_text(content)
    words = [sys.executable, "-m", "neuroparallel", "train", "--resume", str(run), *SHORT]
    done = subprocess.run(words, cwd=folder, env=fresh_environ, capture_output=True, text=True, timeout=200)
    (run / file).write_bytes(before)
    assert done.returncode == 2, done.stderr
    assert str(run) in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("neuroparallel:") == 1


@pytest.mark.slow
@pytest.mark.rllib
def test_tune_searches_what_the_scenario_says(fresh_environ, tmp_path):
    # In a process of its own: Ray's workers have to find the package.
    space = "tune={lr: {loguniform: [1e-3, 1e-2]}}"
    command = [sys.executable, "-m", "neuroparallel", "tune", "go_nogo", "--samples", "2", "--iterations", "2"]
    done = subprocess.run([*command, "--set", space], capture_output=True, text=True, env=fresh_environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "correct (%)" in done.stdout
    assert os.listdir(tmp_path / "runs" / "go_nogo" / "tune")


# ---- measuring --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_bench_measures_rows_and_says_why_it_could_not(capsys, away, monkeypatch):
    monkeypatch.setenv("NEUROGYM_VENV", str(away / "missing"))
    rows = ["import", "memory", "batch_previous_action", "limit", "batch"]
    assert main(["bench", "--rounds", "1", "--seconds", "0.2", "--json", "numbers.json", "--only", *rows]) == 0
    numbers = {row["name"]: row for row in json.loads(Path("numbers.json").read_text())}
    assert list(numbers) == rows
    assert "neurogym_env.sh" in numbers["batch"]["verdict"]
    assert numbers["import"]["number"] > 0
    assert numbers["limit"]["number"] > 0


def test_a_game_is_known_by_what_its_players_chose_and_earned(away, capsys):
    assert main(["run", "stag_hunt", "--agent", "best_response", "--trials", "50", "--plot", "hunt.png"]) == 0
    out = said(capsys).out
    assert "choices in a game" in out
    assert "earned per round: 4 together, 2 by who got least, 2 by who got most" in out
    assert "taking turns" not in out  # nobody ever got more
    assert (away / "hunt.png").exists()


@pytest.mark.rllib
def test_a_line_of_progress_gives_percentages_of_scored_streams_only():
    from rich.console import Console

    from neuroparallel.rllib import Progress
    from neuroparallel.rllib.display import Display

    console = Console(file=io.StringIO(), width=200)
    correct = {"worker.play": float("nan"), "worker.dots": 0.75}
    display = Display(console)
    display.title = "dots"
    display.update(Progress(1, 10, 20, 0.5, correct, 3.0, 60.0, evaluated=True))
    title, line = console.file.getvalue().splitlines()
    assert title == "dots"
    assert line.strip() == "3 of 60 s: 10 steps, 20 trials, 0.500 reward per trial, worker.dots 75 %"


# ---- what is refused --------------------------------------------------------------------------------------------


def test_an_error_in_code_of_ones_own_is_one_sentence_with_its_line(away, monkeypatch, capsys):
    (away / "late_task.py").write_text(
        "from neuroparallel.tasks.inhibition.go_nogo import GoNogo\n\n\n"
        "class Late(GoNogo):\n"
        "    def sequence(self, draw):\n"
        "        if draw.trial.max() > 3:\n"
        "            undefined\n"
    )
    monkeypatch.syspath_prepend(str(away))
    assert main(["run", "late_task:Late", "--trials", "100"]) == 2
    told = f"NameError: name 'undefined' is not defined ({away / 'late_task.py'}, line 7)"
    assert told in said(capsys).err.replace("\n", "")


def test_runs_that_begin_in_the_same_second_are_kept_apart(away):
    places = [_new_place("go_nogo") for _ in range(3)]
    assert len(set(places)) == 3
    assert all(place.is_dir() for place in places)


@pytest.mark.rllib
def test_what_cannot_be_trained_leaves_no_directory(away, capsys):
    assert main(["train", "go_nogo", "--set", "train.criterion={b: 0.9}"]) == 2
    assert list(away.iterdir()) == []


@pytest.mark.parametrize(("process", "alive"), [(os.getppid(), True), (2**22 + 1, False)])
@pytest.mark.rllib
def test_two_do_not_train_into_one_directory(away, capsys, process, alive):
    (away / "kept").mkdir()
    (away / "kept" / CLAIM).write_text(str(process))
    assert main(["train", "go_nogo", "--out", "kept", "--set", "train.criterion={b: 0.9}"]) == 2
    told = f"process {process} is training into kept" if alive else "there is no stream 'b'"
    assert told in said(capsys).err
    assert (away / "kept" / CLAIM).exists() == alive


def test_a_run_is_not_written_over(away, capsys):
    (away / "kept").mkdir()
    (away / "kept" / "summary.json").write_text("{}")
    assert main(["train", "go_nogo", "--out", "kept"]) == 2
    said_now = said(capsys).err
    assert (
        f"kept holds a run already. Go on with it (neuroparallel train --resume {Path('kept').resolve()};" in said_now
    )
    assert (away / "kept" / "summary.json").read_text() == "{}"


@pytest.mark.parametrize("where", [".", "elsewhere"])
def test_the_command_finds_tasks_in_the_present_folder_and_beside_the_scenario(fresh_environ, tmp_path, where):
    # An installed command does not look into the present folder by itself, as python -m does.
    (tmp_path / where).mkdir(exist_ok=True)
    (tmp_path / where / "mine.py").write_text(
        "from neuroparallel.tasks.inhibition.go_nogo import GoNogo\nclass Mine(GoNogo): pass"
    )
    scenario = tmp_path / where / "mine.yaml"
    scenario.write_text("name: mine\nsubjects:\n  rat: {streams: {a: {task: 'mine:Mine'}}}\n")
    start = "import sys; sys.path.pop(0); from neuroparallel.cli import main; sys.exit(main())"
    for command in (["check", str(scenario)], ["run", str(scenario), "--trials", "5"]):
        done = subprocess.run(
            [sys.executable, "-c", start, *command], cwd=tmp_path, env=fresh_environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + done.stdout


def test_no_lanes_are_not_the_default_number_of_lanes(capsys, away):
    pytest.importorskip("ray")
    assert main(["train", "go_nogo", "--lanes", "0"]) == 2
    assert "lanes is 0; it is a whole number" in said(capsys).err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "go_nogo", "--set", "timing.delay.x=5"], "timing.delay.x: delay is 500.0, which has no keys"),
        (["run", "go_nogo", "--trials", "5", "--out", "."], ". is a directory; name a file in it, such as trials.csv"),
        (["bench", "--rounds", "0"], "rounds is 0; it is a whole number, 1 or more"),
        (["bench", "--seconds", "-1"], "seconds is -1.0; it is a number above 0"),
    ],
)
def test_a_value_that_cannot_be_is_named(capsys, away, arguments, told):
    assert main(arguments) == 2
    assert told in said(capsys).err


def test_the_hint_how_to_go_on_with_a_search_is_a_whole_command():
    given = [
        "tune",
        "go_nogo",
        "--set",
        "tune={lr: {choice: [0.1]}}",
        "--samples",
        "2",
        "--iterations",
        "5",
        "--resume",
    ]
    options = build_parser().parse_args(given)
    assert shlex.split(_again(options)) == ["neuroparallel", *given]


def test_a_budget_that_is_no_number_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["train", "go_nogo", "--budget", "small"])
    assert "'small' is not a number of seconds; write one, as in --budget 60" in said(capsys).err


@pytest.mark.parametrize("name", ["x.xyz", "x", "x.csv"])
def test_a_picture_needs_the_name_of_a_picture(away, capsys, name):
    assert main(["run", "random_dots", "--steps", "5", "--plot", name]) == 2
    assert "the name of a picture must end with one of .png" in said(capsys).err
    assert list(away.iterdir()) == []


@pytest.mark.parametrize("budget", ["-3", "0", "nan", "inf"])
def test_a_budget_is_a_time(away, capsys, budget):
    assert main(["train", "random_dots", "--budget", budget, "--out", "kept"]) == 2
    told = said(capsys).err
    assert "it is a number of seconds above 0" in told
    assert "kept" not in told  # no run is announced that will not be
    assert list(away.iterdir()) == []


@pytest.mark.parametrize("block", ["finder", "modules"])
def test_without_ray_it_is_said_what_to_install(fresh_environ, block):
    finder = (
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'ray': raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    code = f"import sys\n{finder if block == 'finder' else BLOCKED}\n"
    code += "from neuroparallel.cli import main\nraise SystemExit(main(['train', 'random_dots', '--budget', '1']))"
    done = subprocess.run([sys.executable, "-c", code], env=fresh_environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "needs ray, which is not installed. Run: pip install 'neuroparallel[rllib]'" in " ".join(done.stderr.split())


@pytest.mark.entropy
def test_run_prints_the_seed_that_it_drew_and_repeats_with_it(capsys):
    assert main(["run", "random_dots", "--trials", "50"]) == 0
    first = said(capsys).out
    seed = re.match(r"seed (\d+) \(repeat with --seed \1\)\n", first)
    assert main(["run", "random_dots", "--trials", "50", "--seed", seed[1]]) == 0
    assert said(capsys).out == first[seed.end() :]
