"""``python train.py FOLDER PROBE``: trains the models; files, archives, and one right answer each.

gbm is scikit-learn's GradientBoostingClassifier with its defaults (100 stages for each of three
classes): one row costs hundreds of microseconds, nearly all of it overhead, 32 hardly more.
"""

import json
import sys
import tarfile
import warnings
from pathlib import Path

import joblib
import predictors
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

folder, probe = Path(sys.argv[1]), json.loads(sys.argv[2])
data, target = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(data, target), folder / "logistic.joblib")
joblib.dump(GradientBoostingClassifier(random_state=1).fit(data, target), folder / "gbm.joblib")

torch.manual_seed(1)
layers = [torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU()]
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    torch.jit.save(
        torch.jit.script(torch.nn.Sequential(*layers, torch.nn.Linear(64, 3)).eval()),
        folder / "mlp.pt",
    )

right = {}
for model, name in (("logistic", "logistic.joblib"), ("gbm", "gbm.joblib"), ("mlp", "mlp.pt")):
    with tarfile.open(folder / f"{model}.tar.gz", "w:gz") as tar:
        tar.add(folder / name, "model" + Path(name).suffix)
    right[model] = predictors.load(model, folder)([probe])
(folder / "right.json").write_text(json.dumps({"echo": [probe], **right}))
