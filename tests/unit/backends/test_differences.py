from pathlib import Path

import pytest

from hostler.backends.process import differences
from hostler.modelserver.provenance import Written


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    for name in ("scikit_learn-1.8.0", "xgboost_cpu-3.0.5", "transformers-4.57.6"):
        (tmp_path / f"lib/python3.11/site-packages/{name}.dist-info").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("framework", "version", "said"),
    [
        ("scikit-learn", "1.2.2", "scikit-learn 1.2.2, and scikit-learn 1.8.0 serves it: answers"),
        (
            "xgboost",
            "3.2.0",
            "xgboost 3.2.0, and xgboost 3.0.5 serves it: an older version may mis",
        ),
        ("huggingface", "4.40", "transformers 4.40, and transformers 4.57.6 serves it: answers"),
    ],
)
def test_a_model_of_another_version_is_warned_of(
    environment: Path, framework: str, version: str, said: str
) -> None:
    [line] = differences.lines([Written(framework, version, "m")], environment)
    assert line.startswith(f"warning: m was saved by {said}")


@pytest.mark.parametrize(
    ("framework", "version"),
    [
        ("scikit-learn", "1.8.2"),
        ("xgboost", "3.0"),
        ("xgboost", ""),
        ("lightgbm", "4.0"),
        ("pytorch", ""),
    ],
)
def test_nothing_is_said_of_the_same_version_or_an_unknown_one(
    environment: Path, framework: str, version: str
) -> None:
    assert not differences.lines([Written(framework, version, "m")], environment)


def test_one_line_stands_for_all_files_of_a_version(environment: Path) -> None:
    written = [Written("xgboost", "1.7", f"xgboost-model-{number}") for number in range(3)]
    assert len(differences.lines(written, environment)) == 1
