from collections.abc import Mapping
from pathlib import Path

import pytest

from hostler.backends.process import configured
from hostler.backends.process.runtimes import Image, Runtimes
from hostler.domain.config import AddedRuntime, Wheels
from hostler.domain.config import Runtimes as Settings
from hostler.modelserver.provenance import Written

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
SKLEARN = f"{ECR}/sagemaker-scikit-learn:1.2-1-cpu-py3"
OLDER = AddedRuntime(
    requirements=("scikit-learn[alldeps] == 1.5.2", "pandas"), framework="scikit-learn"
)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    (tmp_path / "lib/python3.11/site-packages/scikit_learn-1.6.1.dist-info").mkdir(parents=True)
    return tmp_path


def test_without_settings_the_shipped_runtimes_are_as_they_were() -> None:
    shipped = {each.name: each.digest for each in Runtimes.shipped()}
    assert {each.name: each.digest for each in configured.runtimes(Settings())} == shipped


def test_a_pin_serves_whatever_an_image_asks_for() -> None:
    made = configured.runtimes(Settings(pin={"scikit-learn": "1.8", "xgboost": "xgboost-3.0"}))
    assert made.for_image(SKLEARN).name == "scikit-learn"
    assert made.for_image(f"{ECR}/sagemaker-xgboost:latest").name == "xgboost-3.0"
    written = [Written("xgboost", "3.2.0", "model.json")]
    assert made.choose(f"{ECR}/sagemaker-inference:1", written=written).name == "xgboost-3.0"
    assert made.for_image("hostler/scikit-learn-1.2").name == "scikit-learn-1.2"


def test_an_added_runtime_can_be_pinned_and_is_named_by_its_own_image() -> None:
    made = configured.runtimes(Settings(pin={"scikit-learn": "1.5"}, add={"older": OLDER}))
    older = made.for_image(SKLEARN)
    assert (older.name, older.kind, older.version) == ("older", "scikit-learn", "1.5.2")
    assert made.for_image("localhost/older:any") is older
    assert older.imports == made.named("scikit-learn").imports
    unpinned = configured.runtimes(Settings(add={"older": OLDER}))
    assert unpinned.for_image(SKLEARN).name == "scikit-learn-1.2"


def test_an_added_runtime_s_repositories_are_its_own() -> None:
    added = AddedRuntime(("sagemaker-scikit-learn", "mine"), requirements=("numpy",))
    made = configured.runtimes(Settings(add={"own": added}))
    assert made.for_image(SKLEARN).name == made.for_image("mine:1").name == "own"
    assert made.for_image(SKLEARN).kind == "generic"


def test_an_existing_environment_is_used_as_it_is(environment: Path) -> None:
    added = AddedRuntime(environment=str(environment), framework="scikit-learn")
    made = configured.runtimes(Settings(add={"conda": added}))
    runtime = made.for_image("conda")
    assert (runtime.version, runtime.fresh, runtime.imports) == ("1.6.1", True, ())
    said = runtime.description(Image.parse(SKLEARN))
    assert said.startswith(f"conda runtime (scikit-learn 1.6.1, the environment {environment})")
    before = runtime.digest
    (environment / "lib/python3.11/site-packages/pandas-2.0.dist-info").mkdir()
    assert configured.runtimes(Settings(add={"conda": added})).for_image("conda").digest != before


def test_requirements_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("xgboost==1.7.6\n")
    added = AddedRuntime(requirements_file=str(file), framework="xgboost")
    runtime = configured.runtimes(Settings(add={"old": added})).named("old")
    assert (runtime.title, runtime.locked) == ("xgboost 1.7.6", False)


def test_gpus_get_their_own_packages() -> None:
    made = configured.runtimes(Settings(wheels=Wheels.CUDA))
    assert made.named("onnx").title.startswith("onnxruntime-gpu 1.")
    assert made.named("xgboost").title == "xgboost 3.2.0"
    shipped = {each.digest for each in Runtimes.shipped()}
    assert not shipped & {each.digest for each in made}
    for name, own in (("onnx", "onnxruntime-gpu"), ("xgboost", "xgboost")):
        lines = made.named(name).lock.splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith(f"{own}=="))
        assert not lines[at].endswith("\\"), "hashes of another package"
        assert not any("--hash" in line for line in lines[at + 1 : at + 2])


def test_another_python_is_another_environment() -> None:
    made = configured.runtimes(Settings(python="3.12"))
    assert made.for_image(SKLEARN).name == "scikit-learn-1.4"  # 1.2 has no wheels for it
    assert made.named("onnx").digest != Runtimes.shipped().named("onnx").digest
    assert "Python 3.12" in made.named("onnx").description(Image.parse("onnx"))


@pytest.mark.parametrize(
    ("pin", "add", "key", "said"),
    [
        ({"sklearn": "1.2"}, {}, "pin", "sklearn is no framework: pin one of generic, "),
        ({"xgboost": "1.7"}, {}, "pin", "there is no xgboost 1.7 among xgboost (3.2.0), xgboost-3"),
        ({}, {"pytorch": OLDER}, "add", "pytorch is a runtime that comes with Hostler"),
        ({}, {"a": AddedRuntime(environment="/nowhere")}, "add", "/nowhere is no environment"),
        ({}, {"a": AddedRuntime(requirements_file="/nowhere")}, "add", "/nowhere, which is no fi"),
        ({}, {"a": AddedRuntime(requirements=("x",), framework="y")}, "add", "no known framework"),
        ({}, {"a": AddedRuntime(repositories=("corp/sk",))}, "add", 'write "sk" for "corp/sk"'),
    ],
)
def test_what_cannot_be_made_is_said_of_its_key(
    pin: Mapping[str, str], add: Mapping[str, AddedRuntime], key: str, said: str
) -> None:
    settings = Settings(pin=pin, add=add)
    [(where, text)] = configured.faults(settings)
    assert (where, said in text) == (key, True), text
    assert configured.runtimes(settings).for_image(SKLEARN).name == "scikit-learn-1.2"
