"""Real models answer requests in a batch as they answer them alone."""

import pytest

import batches
from framework_models import Ask, Case, Served, serve
from frameworks import run_in

MODELS = """
import pickle, sys, warnings
import numpy, pandas
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import NMF
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

X, y = load_iris(return_X_y=True)
frame = pandas.DataFrame(X, columns=list("abcd"))
names = load_iris().target_names[y]
forest = RandomForestClassifier(5, random_state=0)
columns = ColumnTransformer([("s", StandardScaler(), ["d", "a"])], remainder="passthrough")
function = FunctionTransformer
made = {
    "logistic": LogisticRegression(max_iter=500).fit(X, names),
    "boosted": GradientBoostingRegressor(n_estimators=5, random_state=0).fit(X, X[:, 0] + y),
    "boosted classes": GradientBoostingClassifier(n_estimators=5, random_state=0).fit(X, names),
    "histogram": HistGradientBoostingRegressor(max_iter=5).fit(X, y),
    "forest": forest.fit(X, names),
    "pipeline": make_pipeline(columns, RandomForestClassifier(3)).fit(frame, names),
    "logarithm": make_pipeline(function(numpy.exp), StandardScaler(), Ridge()).fit(X, y),
    "network": MLPRegressor(hidden_layer_sizes=8, max_iter=20, random_state=0).fit(X, y),
    "single": MLPRegressor(hidden_layer_sizes=[99, 99], max_iter=5).fit(X.astype("float32"), y),
    "clusters": KMeans(3, n_init=1, random_state=0).fit(X),
    "stacked": StackingRegressor([("r", Ridge())], Ridge()).fit(X, y),
    "factors": make_pipeline(NMF(2, max_iter=5), Ridge()).fit(X, y),
    "chance": DummyClassifier(strategy="uniform").fit(X, y),
    "cumulated": make_pipeline(function(numpy.cumsum, kw_args={"axis": 0}), Ridge()).fit(X, y),
    "forest of one": RandomForestClassifier(1).fit(X, y),
}
made["forest of one"].predict = made["forest"].predict
for name, model in made.items():
    pickle.dump(model, open(f"{sys.argv[1]}/{name}.pkl", "wb"))
"""
TREES = ("boosted", "boosted classes", "histogram", "forest", "pipeline")
CLASSES = ("logistic", "clusters")
CLOSE = ("logarithm", "network", "stacked")
COMPANY_COUNTS = ("factors", "chance", "cumulated", "forest of one")
SPEC = {"runtime": "scikit-learn"}
SCRIPT = """
def predict_batch_fn(batch, model):
    print(len(batch))
    return [model.predict(each).tolist() for each in batch]
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    """Every model, asked alone and in one batch, in one interpreter."""
    made = tmp_path_factory.mktemp("models")
    run_in("scikit-learn", MODELS, made)
    asks = batches.requests(4)
    file = {name: {"model.pkl": made / f"{name}.pkl"} for name in (*TREES, *CLASSES, *CLOSE)}
    cases = {name: Case(files, asks, SPEC, together=batches.SIZE) for name, files in file.items()}
    asks = batches.rows(4, 96)
    for name in (*TREES, *CLASSES, *CLOSE):
        cases[f"full {name}"] = Case(file[name], asks, SPEC, together=32)
    for name in COMPANY_COUNTS:
        cases[name] = Case({"model.pkl": made / f"{name}.pkl"}, spec=SPEC)
    single = batches.requests(4, kinds=[batches.NPY])
    cases["single"] = Case({"model.pkl": made / "single.pkl"}, single, SPEC, together=batches.SIZE)
    off = {"environment": {"SAGEMAKER_TS_BATCH_SIZE": "1"}}
    cases["off"] = Case(file["forest"], spec={**SPEC, **off})
    cases["exact"] = Case(file["forest"], spec={**SPEC, "exact": True})
    scripted = {**file["forest"], "code/inference.py": "def input_fn(data, kind):\n    return data"}
    cases["script"] = Case(scripted, spec=SPEC)
    own = {**file["forest"], "code/inference.py": SCRIPT}
    rows = [Ask(b"[[5.1, 3.5, 1.4, 0.2]]"), Ask(b"[[1]]"), Ask(b"[[6.7, 3.0, 5.2, 2.3]]")]
    cases["own"] = Case(own, rows, {**SPEC, "exact": True}, together=batches.SIZE)
    return dict(zip(cases, serve("scikit-learn", list(cases.values())), strict=True))


@pytest.mark.parametrize("name", [*TREES, *CLASSES, *CLOSE])
def test_a_batch_answers_as_each_alone(served: dict[str, Served], name: str) -> None:
    assert served[name].batch_max == 32
    batches.check_same(served[name], exact=name not in CLOSE)
    assert served[name].predicted_max > 1, "every batch fell back"


@pytest.mark.parametrize("name", [*TREES, *CLASSES, *CLOSE])
def test_a_whole_batch_is_one_prediction_and_answers_as_each_alone(
    served: dict[str, Served], name: str
) -> None:
    full = served[f"full {name}"]
    assert full.predicted_max == 32
    batches.check_answers(full, exact=name not in CLOSE)


def test_rows_of_single_precision_are_asked_one_by_one(served: dict[str, Served]) -> None:
    batches.check_same(served["single"], exact=True)


@pytest.mark.parametrize("name", COMPANY_COUNTS)
def test_a_model_whose_answers_depend_on_other_rows_is_asked_one_by_one(
    served: dict[str, Served], name: str
) -> None:
    assert (served[name].cause, served[name].batch_max) == ("", 1), served[name]


@pytest.mark.parametrize("name", ["off", "exact", "script"])
def test_batches_are_left_to_the_user(served: dict[str, Served], name: str) -> None:
    assert (served[name].cause, served[name].batch_max) == ("", 1), served[name]


def test_a_script_s_predict_batch_fn_with_a_framework_s_other_steps(
    served: dict[str, Served],
) -> None:
    own = served["own"]
    assert own.batch_max == 32
    assert [reply.status for reply in own.together] == [200, 500, 200]
    assert own.together[0].json == ["setosa"]
    assert own.together == own.replies
    assert "predict_batch_fn failed for 3 requests, each is asked alone" in own.log
