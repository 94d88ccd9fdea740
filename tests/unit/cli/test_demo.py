from pathlib import Path

import pytest

from hostler.cli import demo


def test_the_model_is_trained_in_what_the_settings_let_serve_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo.serving(tmp_path / "d")[0].name == "scikit-learn"
    settings = tmp_path / "hostler.toml"
    settings.write_text(
        '[runtimes.pin]\nscikit-learn = "own"\n[runtimes.add.own]\n'
        'requirements = ["scikit-learn==1.8.0"]\nframework = "scikit-learn"\n'
    )
    monkeypatch.setenv("HOSTLER_CONFIG", str(settings))
    assert demo.serving(tmp_path / "d")[0].name == "own"
