"""Pickles of older scikit-learn versions: served by theirs, and explained where they cannot be."""

from pathlib import Path

import pytest

from frameworks import framework_python, run_in
from worker_process import WorkerProcess

MODELS = """
import sys
import joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True)
joblib.dump(RandomForestClassifier(5, random_state=0).fit(X, y), sys.argv[1] + "/forest.joblib")
joblib.dump(LogisticRegression(max_iter=500).fit(X, y), sys.argv[1] + "/linear.joblib")
"""
ROWS = b"[[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]"
OLD = "scikit-learn-1.2"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    run_in(OLD, MODELS, folder)
    return folder


def worker(runtime: str, model: Path) -> WorkerProcess:
    return WorkerProcess(
        {"model.joblib": model}, python=framework_python(runtime), runtime="scikit-learn"
    )


@pytest.mark.parametrize("name", ["forest", "linear"])
def test_a_model_is_served_by_the_version_that_its_image_names(models: Path, name: str) -> None:
    with worker(OLD, models / f"{name}.joblib") as running:
        assert running.ready().peer().ask(ROWS).body == b"[0,2]"
        assert "Warning" not in running.log.read_text()


def test_a_newer_version_serves_what_it_can_read_and_warns(models: Path) -> None:
    with worker("scikit-learn", models / "linear.joblib") as running:
        assert running.ready().peer().ask(ROWS).body == b"[0,2]"
        assert "InconsistentVersionWarning: Trying to unpickle" in running.log.read_text()


def test_what_it_cannot_read_is_said_with_the_image_that_can(models: Path) -> None:
    with worker("scikit-learn", models / "forest.joblib") as running:
        told = running.failure()
        assert told["cause"] == "ModelLoad"
        assert "it was saved by scikit-learn 1.2.2, and 1." in told["message"]
        assert "deploy it with the image sagemaker-scikit-learn:1.2-1" in told["message"]
