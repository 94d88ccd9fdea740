"""Real scikit-learn and PyTorch models in real workers, with and without scripts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from framework_models import Case, serve
from frameworks import framework_python, run_in
from worker_process import Peer, WorkerProcess

SKLEARN_MODELS = """
import pickle, sys
import joblib, numpy, pandas
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

folder = sys.argv[1]
X, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(X, y), folder + "/iris.joblib")
names = load_iris().target_names[y]
with open(folder + "/forest.pkl", "wb") as file:
    pickle.dump(RandomForestClassifier(5, random_state=0).fit(X, names), file)
joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), folder + "/line.joblib", compress=3)
frame = pandas.DataFrame({"size": [1.0, 2, 3, 4] * 5, "colour": ["red", "blue"] * 10})
columns = ColumnTransformer([("n", StandardScaler(), ["size"]), ("c", OneHotEncoder(), ["colour"])])
pipeline = Pipeline([("columns", columns), ("model", LogisticRegression())])
joblib.dump(pipeline.fit(frame, [0, 1] * 10), folder + "/pipeline.joblib")
joblib.dump({"coef": 1}, folder + "/dict.joblib")

class Own:
    def predict(self, rows):
        return rows

with open(folder + "/main.pkl", "wb") as file:
    pickle.dump(Own(), file)
with open(folder + "/foreign.pkl", "wb") as file:
    file.write(b"cnothing_such.module\\nModel\\n.")
"""

NPY, NPZ = "application/x-npy", "application/x-npz"
MAKE_NPY = "import numpy, sys; numpy.save(sys.argv[1], numpy.array({values}, dtype={dtype!r}))"
READ_NPY = "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.dtype, a.tolist())"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    run_in("scikit-learn", SKLEARN_MODELS, folder)
    return folder


def sklearn_worker(files: dict[str, Any], **spec: Any) -> WorkerProcess:
    return WorkerProcess(
        files, python=framework_python("scikit-learn"), runtime="scikit-learn", **spec
    )


def answer(peer: Peer, body: Any, content_type: str = "application/json", accept: str = "") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = peer.ask(data, content_type=content_type, accept=accept)
    assert reply.status == 200, reply
    assert reply.meta[0] == (accept or "application/json")
    return json.loads(reply.body) if not accept else reply.body


ROW = [5.1, 3.5, 1.4, 0.2]
ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]


@pytest.fixture(scope="module")
def peer(models: Path) -> Iterator[Peer]:
    with sklearn_worker({"model.joblib": models / "iris.joblib"}) as worker:
        yield worker.ready().peer()


class TestIris:
    """The brief's own call: a scikit-learn model without a script."""

    @pytest.mark.parametrize(
        ("body", "answered"),
        [
            ({"features": ROW}, [0]),
            ({"features": ROWS}, [0, 2]),
            ({"instances": ROWS}, [0, 2]),
            ({"inputs": ROWS, "parameters": {}}, [0, 2]),
            (ROWS, [0, 2]),
            (ROW, [0]),
        ],
    )
    def test_json(self, peer: Peer, body: Any, answered: list[int]) -> None:
        assert answer(peer, body) == answered

    def test_csv_both_ways(self, peer: Peer) -> None:
        assert answer(peer, b"5.1,3.5,1.4,0.2\n", "text/csv") == [0]
        body = b"5.1,3.5,1.4,0.2\r\n6.7,3.0,5.2,2.3\r\n"
        assert answer(peer, body, "text/csv", "text/csv") == b"0\n2\n"

    @pytest.mark.parametrize("kind", [NPY, "application/x-npz"])
    def test_numpy_both_ways(self, peer: Peer, tmp_path: Path, kind: str) -> None:
        source, target = tmp_path / "in.npy", tmp_path / "out.npy"
        run_in("generic", MAKE_NPY.format(values=ROWS, dtype="float32"), source)
        target.write_bytes(answer(peer, source.read_bytes(), NPY, kind))
        if kind == NPY:
            assert run_in("generic", READ_NPY, target) == "int64 [0, 2]\n"
        else:
            assert (
                run_in(
                    "generic", "import numpy, sys; print(numpy.load(sys.argv[1])['arr_0'])", target
                )
                == "[0 2]\n"
            )

    @pytest.mark.parametrize(
        ("body", "content_type", "status", "said"),
        [
            (b'{"features": [1, 2, 3]}', "application/json", 400, "expecting 4 features"),
            (b'{"features": [[1, 2, 3, NaN]]}', "application/json", 400, "contains NaN"),
            (b'{"features": [[1], [1, 2]]}', "application/json", 400, "do not form an array"),
            (b'{"features": [1, 2, 3, "x"]}', "application/json", 400, "could not convert"),
            (b'{"colour": "red"}', "application/json", 400, "without column names"),
            (b"null", "application/json", 400, ""),
            (b"[]", "application/json", 400, ""),
            (b"x", NPY, 400, "not a valid application/x-npy"),
            (b"PK\x03\x04 cut off", NPZ, 400, "not a valid application/x-npz"),
            (b"x", "image/png", 415, "image/png is not supported"),
        ],
    )
    def test_what_the_caller_does_wrong_costs_nothing_but_an_answer(
        self, peer: Peer, body: bytes, content_type: str, status: int, said: str
    ) -> None:
        reply = peer.ask(body, content_type=content_type)
        assert (reply.status, said in reply.error) == (status, True), reply
        assert answer(peer, {"features": ROW}) == [0]

    def test_a_form_of_answer_that_there_is_not(self, peer: Peer) -> None:
        reply = peer.ask(b"[1, 2, 3, 4]", content_type="application/json", accept="image/png")
        assert (reply.status, "image/png" in reply.error) == (406, True)

    def test_an_array_of_objects_is_never_unpickled(self, peer: Peer, tmp_path: Path) -> None:
        source = tmp_path / "in.npy"
        run_in("generic", MAKE_NPY.format(values=[{}], dtype="object"), source)
        assert peer.ask(source.read_bytes(), content_type=NPY).status == 400


def test_labels_of_text_and_plain_pickles(models: Path, tmp_path: Path) -> None:
    with sklearn_worker({"forest.pkl": models / "forest.pkl"}) as worker:
        peer = worker.ready().peer()
        assert answer(peer, ROWS) == ["setosa", "virginica"]
        assert answer(peer, ROWS, accept="text/csv") == b"setosa\nvirginica\n"
        out = tmp_path / "out.npy"
        out.write_bytes(answer(peer, ROWS, accept=NPY))
        assert "['setosa', 'virginica']" in run_in("generic", READ_NPY, out)


def test_one_feature_makes_a_flat_list_a_column(models: Path) -> None:
    with sklearn_worker({"model.joblib": models / "line.joblib"}) as worker:
        peer = worker.ready().peer()
        assert answer(peer, [1.0, 2.0, 3.0]) == pytest.approx([2.0, 4.0, 6.0])


def test_a_pipeline_of_named_columns_takes_every_form(models: Path) -> None:
    with sklearn_worker({"deep/er/model.joblib": models / "pipeline.joblib"}) as worker:
        peer = worker.ready().peer()
        for body in (
            {"size": 1.0, "colour": "red"},
            [{"colour": "red", "size": 1.0}],
            {"size": [1.0], "colour": ["red"]},
            {"instances": [{"size": 1.0, "colour": "red", "more": 1}]},
            {"features": [1.0, "red"]},
        ):
            assert answer(peer, body) == [0], body
        assert answer(peer, b"1.0,red\n2.0,blue\n", "text/csv") == [0, 1]
        reply = peer.ask(b'{"size": 1}', content_type="application/json")
        assert (reply.status, reply.error) == (400, "The input lacks the columns colour.")


def test_a_script_s_default_input_is_float32_as_on_aws(models: Path) -> None:
    script = (
        "import os, joblib\n"
        "def model_fn(d):\n    return joblib.load(os.path.join(d, 'iris.joblib'))\n"
        "def predict_fn(data, model):\n"
        "    return [str(data.dtype), list(data.shape), model.predict_proba(data).shape]\n"
    )
    files = {"iris.joblib": models / "iris.joblib", "code/inference.py": script}
    with sklearn_worker(files) as worker:
        peer = worker.ready().peer()
        assert answer(peer, ROWS) == ["float32", [2, 4], [2, 3]]
        assert answer(peer, b"5.1,3.5,1.4,0.2\n" * 2, "text/csv") == ["float32", [2, 4], [2, 3]]


def test_a_script_with_only_model_fn_gets_the_framework_s_steps(models: Path) -> None:
    script = "import joblib\ndef model_fn(d):\n    return joblib.load(d + '/iris.joblib')\n"
    files = {"iris.joblib": models / "iris.joblib", "code/inference.py": script}
    with WorkerProcess(files, python=framework_python("scikit-learn")) as worker:
        assert answer(worker.ready().peer(), {"features": ROW}) == [0]


@pytest.mark.parametrize(
    ("files", "cause", "said"),
    [
        (["dict.joblib"], "NoHandler", "dict.joblib holds a dict, which has no predict method"),
        (["iris.joblib", "line.joblib"], "NoHandler", "several model files (iris.joblib, line.jo"),
        (["main.pkl"], "ModelLoad", "defined in the training script itself"),
        (["foreign.pkl"], "ImportError", "needs the module 'nothing_such', which this environ"),
        ([], "NoHandler", "the archive holds other.bin"),
    ],
)
def test_models_that_cannot_serve_say_why(
    models: Path, files: list[str], cause: str, said: str
) -> None:
    held: dict[str, Any] = {name: models / name for name in files}
    with sklearn_worker({**held, "other.bin": b""}) as worker:
        told = worker.failure()
    assert told["cause"] == cause
    assert said in told["message"]


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x04"])
def test_a_broken_pickle_is_a_failure_to_load(content: bytes) -> None:
    with sklearn_worker({"model.joblib": content}) as worker:
        told = worker.failure()
    assert told["cause"] == "ModelLoad"
    assert told["message"].startswith("model.joblib cannot be loaded: ")


def test_a_framework_that_is_not_there_is_named(models: Path) -> None:
    files = {"model.pt": models / "iris.joblib"}
    with WorkerProcess(files, python=framework_python("generic")) as worker:
        told = worker.failure()
    assert told["cause"] == "ImportError"
    assert told["message"].startswith("model.pt needs torch, which this environment does not have")


TORCH_NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)
        self.dropout = torch.nn.Dropout(0.9)

    def forward(self, x):
        return self.dropout(self.linear(x))
"""

TORCH_MODELS = f"""
import sys
{TORCH_NET}
folder = sys.argv[1]

net = Net()
with torch.no_grad():
    net.linear.weight.copy_(torch.eye(2))
    net.linear.bias.copy_(torch.tensor([0.5, -0.5]))
torch.jit.save(torch.jit.script(net), folder + "/net.pth")
torch.save(net.state_dict(), folder + "/state.pth")
"""

TORCH_SCRIPT = f"""
import os
{TORCH_NET}

def model_fn(model_dir):
    net = Net()
    net.load_state_dict(torch.load(os.path.join(model_dir, "state.pth")))
    return net
"""


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    run_in("pytorch", TORCH_MODELS, folder)
    return folder


def torch_worker(files: dict[str, Any]) -> WorkerProcess:
    return WorkerProcess(files, python=framework_python("pytorch"), runtime="pytorch")


@pytest.mark.parametrize("kind", ["torchscript", "script"])
def test_a_torch_network_answers_in_evaluation_mode(nets: Path, tmp_path: Path, kind: str) -> None:
    files: dict[str, Any] = {"any.pth": nets / "net.pth"}
    if kind == "script":
        files = {"state.pth": nets / "state.pth", "code/inference.py": TORCH_SCRIPT}
    with torch_worker(files) as worker:
        peer = worker.ready().peer()
        assert answer(peer, {"features": [1.0, 2.0]}) == [[1.5, 1.5]]
        assert answer(peer, [[1, 2], [3, 4]]) == [[1.5, 1.5], [3.5, 3.5]]
        assert answer(peer, [1.0, 2.0]) == [1.5, 1.5]  # a bare row stays one, as on AWS
        assert answer(peer, b"1,2\n3,4\n", "text/csv", "text/csv") == b"1.5,1.5\n3.5,3.5\n"
        source, target = tmp_path / "in.npy", tmp_path / "out.npy"
        for dtype in ("float32", "float64"):  # what NumpySerializer sends: numpy's own default
            run_in("generic", MAKE_NPY.format(values=[[1.0, 2.0]], dtype=dtype), source)
            target.write_bytes(answer(peer, source.read_bytes(), NPY, NPY))
            assert run_in("generic", READ_NPY, target) == "float32 [[1.5, 1.5]]\n"
        reply = peer.ask(b'{"features": ["x"]}', content_type="application/json")
        assert (reply.status, "do not form a tensor" in reply.error) == (400, True)


def test_a_torchscript_file_is_never_put_into_a_batch(nets: Path) -> None:
    (served,) = serve("pytorch", [Case({"net.pth": nets / "net.pth"}, spec={"runtime": "pytorch"})])
    assert (served.cause, served.batch_max) == ("", 1)


def test_a_state_dictionary_without_a_script_is_explained(nets: Path) -> None:
    with torch_worker({"model.pth": nets / "state.pth"}) as worker:
        told = worker.failure()
    assert told["cause"] == "ModelLoad"
    assert told["message"].startswith("model.pth is not TorchScript")
    assert "model_fn" in told["message"]
