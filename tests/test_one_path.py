"""A file becomes an environment on one path, each stage of which is passed once."""

import pytest

import neuroparallel as npar
from neuroparallel.engine.tables import Tables
from neuroparallel.scenario import Scenario, scenario, yaml_source
from neuroparallel.scenario.shipped import read_shipped
from neuroparallel.scenario.yaml_source import write_yaml

FACTORIES = {
    "parallel_env": npar.parallel_env,
    "batch": lambda what, **options: npar.batch(what, 8, **options),
    "vector_env": lambda what, **options: npar.vector_env(what, 3, **options),
    "gym_env": npar.gym_env,
    "aec_env": npar.aec_env,
    "Dataset": lambda what, **options: npar.Dataset(what, batch=2, steps=10, **options),
    "simulate": lambda what, **options: npar.simulate(what, "random", trials=2, **options),
}


@pytest.fixture
def counted(monkeypatch):
    """How often each stage is passed."""
    counts = {}

    def count(place, name, stage):
        original = getattr(place, name)

        def counting(*values, **options):
            counts[stage] = counts.get(stage, 0) + 1
            return original(*values, **options)

        monkeypatch.setattr(place, name, counting)

    count(yaml_source._Loader, "get_single_node", "parse")
    count(scenario, "resolve", "resolve")
    count(scenario, "build_layout", "compile")
    count(scenario, "dry_run", "dry run")
    count(Tables, "__init__", "tables")
    return counts


@pytest.mark.parametrize("options", [{}, {"dt": 20}], ids=["as written", "other dt"])
@pytest.mark.parametrize("name", FACTORIES)
def test_a_file_becomes_an_environment_with_each_stage_passed_once(name, options, counted, tmp_path):
    what = "random_dots" if name == "Dataset" else "dpa_gng"
    file = tmp_path / "some.yaml"
    file.write_text(write_yaml(read_shipped(what)[0]), "utf-8")
    streams = len(list(Scenario.load(what).stream_items()))
    counted.clear()
    FACTORIES[name](str(file), **options)
    assert counted == {"parse": 1, "resolve": 1, "compile": 1, "dry run": 1, "tables": streams}


def test_a_length_of_a_session_compiles_nothing_anew(counted):
    loaded = Scenario.load("random_dots")
    counted.clear()
    changed = loaded.with_session({"steps": 7})
    assert (changed.layout.session_steps, changed.session.steps) == (7, 7)
    assert changed == loaded.replace(session={"steps": 7})
    assert loaded.with_session(None) == loaded.replace(session=None)
    assert counted["tables"] == 2  # of the two replaced ones


def test_a_wrong_length_is_refused_with_its_place():
    with pytest.raises(npar.errors.ScenarioError, match=r"session\.trials"):
        Scenario.load("random_dots").with_session({"trials": 0})


def test_a_copy_with_other_fields_is_compiled_anew():
    loaded = Scenario.load("random_dots")
    assert loaded.model_copy().layout is loaded.layout
    assert loaded.model_copy(update={"dt": 50.0}).layout.dt == 50


def test_what_an_engine_defines_trial_by_trial_is_its_own():
    fixed = Scenario.load("random_dots").layout
    assert fixed.tables_for(4)[0] is fixed.tables_for(1)[0]
    drawn = Scenario.load("task:stop_signal").layout
    one, other = drawn.tables_for(4)[0], drawn.tables_for(4)[0]
    assert one.lazy
    assert one.mean is not other.mean
