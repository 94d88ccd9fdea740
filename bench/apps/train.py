"""``python train.py FOLDER``: trains the LogisticRegression; model.joblib and logistic.tar.gz."""

import sys
import tarfile
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

folder = Path(sys.argv[1])
data, target = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(data, target), folder / "model.joblib")
with tarfile.open(folder / "logistic.tar.gz", "w:gz") as tar:
    tar.add(folder / "model.joblib", "model.joblib")
