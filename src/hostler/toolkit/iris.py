"""The demonstration's model: a logistic regression on Fisher's iris measurements.

Invariant: trained in the very environment that will serve it, so that no version can differ.
"""

import subprocess
import tarfile
from pathlib import Path

TRAINING = """
import sys
import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

data = load_iris()
kept, held, kept_labels, held_labels = train_test_split(
    data.data, data.target, test_size=0.2, random_state=0, stratify=data.target
)
model = LogisticRegression(max_iter=1000).fit(kept, kept_labels)
joblib.dump(model, sys.argv[1])
print(f"{model.score(held, held_labels):.3f}")
"""

SPECIES = ("setosa", "versicolor", "virginica")
TRAINING_TIMEOUT_S = 120


class TrainingError(Exception):
    """The training script failed; the text is the end of its output."""


def train(python: Path, folder: Path) -> tuple[Path, float]:
    """Train with an environment's interpreter.

    Returns:
        The archive as SageMaker wants it (``model.tar.gz``), and the accuracy on held-out flowers.
    """
    model = folder / "model.joblib"
    try:
        done = subprocess.run(
            [python, "-I", "-c", TRAINING, model],
            capture_output=True,
            text=True,
            timeout=TRAINING_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(f"it took longer than {TRAINING_TIMEOUT_S} s") from None
    if done.returncode:
        raise TrainingError(done.stderr.strip()[-500:])
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(model, "model.joblib")
    return archive, float(done.stdout)
