import sys
from dataclasses import replace

import pytest

from hostler.backends.process.runtimes import (
    Image,
    Runtimes,
    UnknownImageError,
    imported_modules,
)
from hostler.modelserver.provenance import Written

ECR = "123456789012.dkr.ecr.ap-southeast-1.amazonaws.com"
RUNTIMES = Runtimes.shipped()


@pytest.mark.parametrize(
    ("uri", "repository", "tag"),
    [
        (f"{ECR}/sagemaker-inference:latest", "sagemaker-inference", "latest"),
        (f"{ECR}/team/sagemaker-inference", "sagemaker-inference", "latest"),
        (f"{ECR}.cn/pytorch-inference:2.0.1-gpu-py310", "pytorch-inference", "2.0.1-gpu-py310"),
        ("localhost:5000/mine:1@sha256:00", "mine", "1"),
    ],
)
def test_an_image_is_read_by_its_last_path_segment(uri: str, repository: str, tag: str) -> None:
    image = Image.parse(uri)
    assert (image.repository, image.tag) == (repository, tag)


def test_account_and_region_play_no_part() -> None:
    one = RUNTIMES.for_image(f"{ECR}/pytorch-inference:2.0.1")
    other = RUNTIMES.for_image("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:1")
    assert one is other


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("0.23-1-cpu-py3", "scikit-learn-1.2"),
        ("1.2-1-cpu-py3", "scikit-learn-1.2"),
        ("1.3", "scikit-learn-1.4"),
        ("1.4-2-cpu-py3", "scikit-learn-1.4"),
        ("1.5-1", "scikit-learn"),
        ("99.0", "scikit-learn"),
        ("latest", "scikit-learn"),
    ],
)
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the old versions have no wheels for it")
def test_an_image_takes_the_oldest_version_that_is_not_older(tag: str, expected: str) -> None:
    runtime = RUNTIMES.for_image(f"{ECR}/sagemaker-scikit-learn:{tag}")
    assert (runtime.name, runtime.kind) == (expected, "scikit-learn")


def test_a_version_without_wheels_for_our_python_is_passed_over() -> None:
    runtimes = Runtimes(
        replace(each, python_max=(3, 5)) if each.framework else each for each in RUNTIMES
    )
    runtime = runtimes.for_image(f"{ECR}/sagemaker-scikit-learn:1.2-1-cpu-py3")
    assert runtime.name == "scikit-learn"
    assert "the nearest to sagemaker-scikit-learn:1.2-1" in runtime.description(
        Image.parse(f"{ECR}/sagemaker-scikit-learn:1.2-1-cpu-py3")
    )


def test_an_unknown_repository_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownImageError, match=r"pytorch-inference, .*sagemaker-scikit-learn"):
        RUNTIMES.for_image(f"{ECR}/nobody-knows-me:1")


@pytest.mark.parametrize(
    ("files", "script", "expected"),
    [
        (["model.joblib"], None, "scikit-learn"),
        (["model.pkl", "code/inference.py"], "import json", "scikit-learn"),
        (["model.pt"], None, "pytorch"),
        (["weights.bin"], "import torch.nn as nn", "pytorch"),
        (["weights.bin"], "from sklearn.base import clone", "scikit-learn"),
        (["model.pkl"], "import torch", "pytorch"),
        (["weights.bin"], "import json", "generic"),
        (["code/data.pkl"], "import json", "generic"),
        (["model.joblib"], "def broken(:", "scikit-learn"),
        (["xgboost-model"], None, "xgboost"),
        (["model.onnx"], None, "onnx"),
        (["weights.bin"], "import transformers, torch", "huggingface"),
        (["weights.bin"], "import lightgbm, sklearn", "lightgbm"),
    ],
)
def test_the_generic_image_takes_the_framework_of_what_the_archive_holds(
    files: list[str], script: str | None, expected: str
) -> None:
    scripts = {"code/inference.py": script} if script else {}
    assert RUNTIMES.choose(f"{ECR}/sagemaker-inference:latest", files, scripts).name == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("sagemaker-xgboost:1.7-1", "xgboost-3.0"),
        ("sagemaker-xgboost:0.90-2-cpu-py3", "xgboost-3.0"),
        ("sagemaker-xgboost:3.0-5", "xgboost-3.0"),
        ("sagemaker-xgboost:3.1-1", "xgboost"),
        ("xgboost:1", "xgboost-3.0"),
        ("huggingface-pytorch-inference:2.6.0-transformers4.49.0-cpu-py312", "huggingface"),
        ("hostler/lightgbm:latest", "lightgbm"),
        ("hostler/xgboost-3.0", "xgboost-3.0"),
        ("onnx:1.20", "onnx"),
    ],
)
def test_every_framework_has_its_images(image: str, expected: str) -> None:
    assert RUNTIMES.for_image(f"{ECR}/{image}").name == expected


@pytest.mark.parametrize(
    ("image", "written", "script", "expected"),
    [
        ("sagemaker-inference:latest", ["xgboost 1.7.6"], "", "xgboost-3.0"),
        ("sagemaker-inference:latest", ["xgboost 3.2.0"], "", "xgboost"),
        ("sagemaker-inference:latest", ["xgboost 0.90"], "import joblib, json", "xgboost-3.0"),
        ("sagemaker-inference:latest", ["scikit-learn 1.2.2"], "", "scikit-learn-1.2"),
        ("sagemaker-inference:latest", ["scikit-learn 1.8.0", "xgboost 3.1"], "", "xgboost"),
        ("sagemaker-inference:latest", ["scikit-learn 1.8.0"], "import torch", "pytorch"),
        ("sagemaker-inference:latest", ["huggingface 4.40.1", "pytorch "], "", "huggingface"),
        ("sagemaker-inference:latest", ["lightgbm "], "", "lightgbm"),
        ("sagemaker-xgboost:latest", ["xgboost 1.2"], "", "xgboost-3.0"),
        ("sagemaker-xgboost:3.1-1", ["xgboost 1.2"], "", "xgboost"),
        ("sagemaker-scikit-learn:latest", ["scikit-learn 1.3.0"], "", "scikit-learn-1.4"),
    ],
)
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the old versions have no wheels for it")
def test_a_tag_without_a_version_takes_the_one_that_saved_the_model(
    image: str, written: list[str], script: str, expected: str
) -> None:
    origins = [Written(*each.split(" "), "model") for each in written]
    scripts = {"code/inference.py": script}
    assert RUNTIMES.waits_for_archive(image) == ("3.1" not in image)
    assert RUNTIMES.choose(f"{ECR}/{image}", ["model"], scripts, origins).name == expected


def test_a_framework_image_keeps_its_framework_whatever_the_archive_holds() -> None:
    runtime = RUNTIMES.choose(f"{ECR}/pytorch-inference:2.0.1", ["model.joblib"])
    assert runtime.name == "pytorch"


def test_what_serves_in_place_of_what_was_asked_is_said() -> None:
    runtime = RUNTIMES.named("pytorch")
    text = runtime.description(Image.parse(f"{ECR}/pytorch-inference:2.0.1-gpu-py310"))
    assert runtime.version in text
    assert "the nearest to pytorch-inference:2.0.1-gpu-py310" in text


def test_instances_of_the_generic_runtime_run_scripts_and_no_framework() -> None:
    assert RUNTIMES.named("generic").serves == "Python script"
    assert RUNTIMES.named("pytorch").serves == RUNTIMES.named("pytorch").title


def test_relative_imports_and_broken_scripts_name_no_modules() -> None:
    assert imported_modules("from . import torch\nimport a.b, c") == {"a", "c"}
    assert imported_modules("\x00") == frozenset()
