"""What ``import neuroparallel`` costs and offers, each asked of a fresh process."""

import json
import subprocess
import sys
import textwrap

import pytest

HEAVY = ["ray", "torch", "matplotlib", "supersuit", "pandas", "scipy"]

# Every public function is called once in a process that has imported every submodule: a function
# that shares its name with a module would by then have been replaced by the module.
CALLS = {
    "aec_env": "npar.aec_env('random_dots')",
    "batch": "npar.batch('random_dots', lanes=2)",
    "gym_env": "npar.gym_env('random_dots')",
    "list_rules": "npar.list_rules()",
    "list_scenarios": "npar.list_scenarios()",
    "list_tasks": "npar.list_tasks()",
    "make_task": "npar.make_task('random_dots')",
    "parallel_env": "npar.parallel_env('random_dots')",
    "simulate": "npar.simulate('random_dots', trials=2)",
    "vector_env": "npar.vector_env('random_dots', num_envs=2)",
}

IMPORT_EVERYTHING = """
    import importlib, json, pkgutil, types
    import neuroparallel as npar

    modules = [module.name for module in pkgutil.walk_packages(npar.__path__, "neuroparallel.")]
    for name in modules:
        if not name.endswith("__main__"):  # which runs the command line
            importlib.import_module(name)
"""


def fresh(code, environ):
    """What a fresh Python process prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=environ,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_import_leaves_heavy_libraries_alone(fresh_environ):
    code = f"""
        import json, sys
        import neuroparallel
        print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
    """
    assert fresh(code, fresh_environ) == []


@pytest.mark.slow
def test_the_import_takes_less_than_half_a_second(fresh_environ):
    code = """
        import json, time
        start = time.perf_counter()
        import neuroparallel
        print(json.dumps(time.perf_counter() - start))
    """
    fresh(code, fresh_environ)  # the first one may still have to write .pyc files
    # The least of three: other processes on the machine can only add to it.
    assert min(fresh(code, fresh_environ) for _ in range(3)) < 0.5


@pytest.mark.slow
@pytest.mark.rllib  # `npar.rllib` is one of them
def test_the_public_names_are_sorted_and_exist(fresh_environ):
    code = """
        import json
        import neuroparallel as npar
        missing = [name for name in npar.__all__ if not hasattr(npar, name)]
        print(json.dumps([list(npar.__all__), missing, sorted(set(npar.__all__) - set(dir(npar)))]))
    """
    names, missing, not_in_dir = fresh(code, fresh_environ)
    assert names == sorted(set(names))
    assert missing == []
    assert not_in_dir == []


@pytest.mark.slow
@pytest.mark.rllib
def test_no_public_name_is_hidden_by_a_module_and_every_function_can_be_called(fresh_environ):
    code = f"""{IMPORT_EVERYTHING}
    is_function = lambda name: isinstance(getattr(npar, name), types.FunctionType)
    functions = sorted(name for name in npar.__all__ if is_function(name))
    shared = [name for name in functions if f"neuroparallel.{{name}}" in modules]
    failed = {{}}
    for name, call in {CALLS!r}.items():
        try:
            eval(call)
        except Exception as error:
            failed[name] = repr(error)
    print(json.dumps([functions, shared, failed]))
    """
    functions, shared, failed = fresh(code, fresh_environ)
    assert functions == sorted(CALLS), "CALLS must say how each public function is called"
    assert shared == []
    assert failed == {}
