import json
from pathlib import Path

import pytest

from hostler.app.config.problems import SettingsError
from hostler.app.config.sources import from_environment
from hostler.app.settings import Settings
from hostler.domain.config import AddedRuntime, Config, Instances, Overcommit, Runtimes
from hostler.domain.config.server import Remote, Server
from hostler.domain.layout import ROOT_LENGTH_MAX


def _recorded(root: Path, config: Config | None = None) -> Settings:
    settings = Settings(root, config or Config())
    settings.layout.config.write_text(settings.to_json())
    return settings


def test_the_defaults_are_those_of_the_design(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    assert settings.endpoint_url == "http://127.0.0.1:4747"
    assert (settings.account, settings.region, settings.gateways) == (
        "123456789012",
        "us-east-1",
        1,
    )


def test_what_is_recorded_is_read_back_whole(tmp_path: Path) -> None:
    added = AddedRuntime(repositories=("mine", "ours"), requirements=("scikit-learn==1.2.2",))
    config = Config(
        server=Server(port=4801, region="ap-southeast-1"),
        runtimes=Runtimes(pin={"xgboost": "1.7"}, add={"my-own": added}),
        instances=Instances(overcommit=Overcommit.REFUSE),
    )
    recorded = _recorded(tmp_path, config)
    assert Settings.load(tmp_path) == recorded


def test_who_listens_everywhere_is_reached_on_this_machine_s_own_address(tmp_path: Path) -> None:
    settings = Settings(tmp_path, Config(server=Server(host="0.0.0.0", allow_remote=Remote.PLAIN)))
    assert settings.endpoint_url == "http://127.0.0.1:4747"


def test_what_version_1_recorded_is_remembered(tmp_path: Path) -> None:
    fields = {
        "data_dir": str(tmp_path),
        "port": 4801,
        "host": "127.0.0.1",
        "region": "eu-west-1",
        "account": "210987654321",
        "gateways": 2,
        "format": 1,
    }
    (tmp_path / "config.json").write_text(json.dumps(fields))
    settings = Settings.load(tmp_path)
    assert (settings.port, settings.region, settings.gateways) == (4801, "eu-west-1", 2)
    assert settings.account == settings.remembered["account"] == "210987654321"


def test_a_path_that_sockets_could_not_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"at most {ROOT_LENGTH_MAX} bytes"):
        Settings(tmp_path / ("d" * ROOT_LENGTH_MAX))


def test_a_folder_that_was_never_started_is_said_with_the_command(tmp_path: Path) -> None:
    place = tmp_path / "with space"
    with pytest.raises(SettingsError, match=f"hostler up --data-dir '{place}'"):
        Settings.load(place)


def test_a_file_in_the_place_of_a_folder_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="no Hostler data directory"):
        Settings.load(tmp_path / "file")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"data_dir": "/x", "strange": 1}', "[" * 10**5],
)
def test_damaged_settings_are_said_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SettingsError, match=r"config\.json is damaged.*delete it"):
        Settings.load(tmp_path)


def test_settings_of_a_newer_hostler_are_not_guessed_at(tmp_path: Path) -> None:
    fields = json.loads(Settings(tmp_path).to_json()) | {"format": 3, "new": True}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(SettingsError, match="newer Hostler"):
        Settings.load(tmp_path)


def test_a_data_directory_that_was_moved_is_where_it_is(tmp_path: Path) -> None:
    _recorded(tmp_path / ".")
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert Settings.load(moved).data_dir == moved


def test_the_cache_s_variable_is_no_misspelt_setting():
    assert from_environment({"HOSTLER_CACHE_DIR": "/srv/cache"}).problems == ()
