"""What analyses and pictures are given is checked: by name, before anything is calculated."""

import inspect

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import neuroparallel as npar
from neuroparallel.errors import ArgumentError, RecordError

TRIALS = npar.Trials(
    {"choice": np.array([1, 2, 1]), "side": np.array([1, 2, 2]), "coherence": np.array([5.0, 5.0, 9.0])}
)
ANALYSES = [
    function
    for module in (npar.analysis, npar.plotting)
    for function in (getattr(module, name) for name in module.__all__)
    if inspect.isfunction(function) and next(iter(inspect.signature(function).parameters)) == "trials"
]


@pytest.mark.parametrize("function", ANALYSES, ids=lambda function: function.__name__)
@pytest.mark.parametrize("given", [None, 5, "trials.csv", {"choice": [1]}, np.zeros(3)])
def test_only_a_trial_table_is_analysed(function, given):
    with pytest.raises(
        ArgumentError, match=rf"{function.__name__}: trials is .*; it is a trial table( or a mapping of names .*)?\."
    ):
        function(given, **dict.fromkeys(required(function), 0.5))


def required(function):
    """What must be given besides the trials."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [spec.name for spec in parameters if spec.default is spec.empty]


@pytest.mark.parametrize(
    ("given", "remedy"), [("trials.csv", "Trials.read_csv"), ({"choice": [1]}, r"Trials\(\{'choice'")]
)
def test_it_is_said_how_to_make_one(given, remedy):
    with pytest.raises(ArgumentError, match=remedy):
        npar.analysis.psychometric(given)


@pytest.mark.parametrize(
    ("function", "options", "told"),
    [
        ("performance", {"by": 5}, "by is 5; it is a name or a list of names"),
        ("performance", {"level": "high"}, "level is 'high'; it is a number"),
        ("performance", {"level": True}, "level is True; it is a number"),
        ("performance", {"level": float("nan")}, "level is nan; it is a number"),
        ("psychometric", {"side": 5}, "side is 5; it is a name or None"),
        ("psychometric", {"lapses": []}, r"lapses is \[\]; it is a word"),
        ("history_design", {"choices": 2}, "choices is 2; it is two whole numbers"),
        ("history_design", {"transitions": "no"}, "transitions is 'no'; it is True or False"),
        ("turn_taking", {"by": np.nan}, "by is nan; it is a name or a list of names"),
    ],
)
def test_an_option_of_a_wrong_type_is_named(function, options, told):
    with pytest.raises(ArgumentError, match=f"{function}: {told}"):
        getattr(npar.analysis, function)(TRIALS, **options)


@pytest.mark.parametrize("given", ["many", None, {}, [[1], [1, 2]]])
def test_counts_are_numbers(given):
    with pytest.raises(ArgumentError, match=r"wilson_interval: successes is .*; it is a number or several"):
        npar.analysis.wilson_interval(given, 10)
    with pytest.raises(ArgumentError, match=r"fit_psychometric: chosen is .*; it is a number or several"):
        npar.analysis.fit_psychometric([-1, 1], given, [10, 10])


def test_a_picture_says_what_it_draws():
    with pytest.raises(
        ArgumentError, match=r"plot_trial: trace is None; it is a trace, or what npar.reporting.watch returns"
    ):
        npar.plotting.plot_trial(None)
    with pytest.raises(ArgumentError, match=r"plot_learning_curve: history is 5; it is .* the path of a file"):
        npar.plotting.plot_learning_curve(5)


@pytest.mark.parametrize("given", [5, None, "a", [1]])
def test_a_table_is_made_of_columns(given):
    with pytest.raises(ArgumentError, match=r"Trials\(\) takes a mapping of column names to arrays; found a "):
        npar.Trials(given)


@pytest.mark.parametrize("given", [5, None, [1]])
def test_a_file_has_a_path(given):
    for use in (npar.Trials.read_csv, TRIALS.to_csv):
        with pytest.raises(ArgumentError, match=r"is no file; give the path of one, as trials.csv"):
            use(given)


@pytest.mark.parametrize(("name", "text"), [("a.csv", "choice;side\n1;2\n"), ("a.tsv", "choice,side\n1,2\n")])
def test_a_file_with_other_separators_is_not_one_column(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(RecordError, match=r"line 1: the names are separated by '[;,]'; in a file of this name"):
        npar.Trials.read_csv(tmp_path / name)


def test_checked_functions_keep_name_signature_and_docstring():
    assert npar.analysis.psychometric.__name__ == "psychometric"
    assert "evidence" in inspect.signature(npar.analysis.psychometric).parameters
    assert npar.analysis.psychometric.__doc__.startswith("Count the choices")


def test_numbers_in_a_trial_table_are_no_text():
    with pytest.raises(
        ArgumentError, match="The column 'choice' of a trial table holds numbers; found text, as 'left'"
    ):
        npar.Trials({"choice": np.array(["left", "right"])})


# ---- pandas -----------------------------------------------------------------------------------------------------


def test_a_table_goes_to_pandas_and_back():
    pytest.importorskip("pandas")
    trials = npar.simulate("dpa_gng", "random", trials=200)
    back = npar.Trials.from_pandas(trials.to_pandas(), trials.responses.to_pandas())
    assert list(back.columns) == list(trials.columns)
    for name in trials:
        assert back[name].tolist() == pytest.approx(trials[name].tolist(), nan_ok=True)
    assert back.responses.equals(trials.responses)
    assert npar.analysis.performance(back).equals(npar.analysis.performance(trials))


def test_an_animals_frame_is_scored_and_may_lack_what_it_lacks():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"choice": [1, 2, None], "outcome": ["correct", "error", "miss"], "odour": ["a", None, "b"]})
    trials = npar.Trials.from_pandas(frame.iloc[[2, 0, 1]])
    assert trials["choice"].tolist() == [-1, 1, 2]
    assert trials["correct"].tolist() == [0, 1, 0]
    assert trials["odour"].tolist() == ["b", "a", ""]


def test_what_is_wrong_in_a_frame_is_named():
    pd = pytest.importorskip("pandas")
    with pytest.raises(
        RecordError, match=r"line 2, column 'outcome': 'corect' is not an outcome. Did you mean 'correct'"
    ):
        npar.Trials.from_pandas(pd.DataFrame({"outcome": ["corect"]}))
    with pytest.raises(ArgumentError, match=r"from_pandas\(\) takes a DataFrame; found a list"):
        npar.Trials.from_pandas([1])
    with pytest.raises(ArgumentError, match=r"trials is a DataFrame; .*Trials.from_pandas\(frame\)"):
        npar.analysis.psychometric(pd.DataFrame({"choice": [1, 2], "side": [1, 2], "coherence": [3.0, 5.0]}))
