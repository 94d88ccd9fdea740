import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hostler.app.config import reading
from hostler.app.config.problems import SettingsError
from hostler.app.config.reading import Start
from hostler.app.settings import Settings
from hostler.app.supervisor import place
from hostler.domain.config import AddedRuntime, Overcommit, Wheels
from hostler.domain.config.server import Remote

Read = Callable[..., Settings]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read from an empty working folder, ``W``, for the data directory ``D`` unless told."""
    folder = tmp_path / "W"
    folder.mkdir()
    (tmp_path / "D").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))

    def reads(
        toml: str = "",
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
        **start: Any,
    ) -> Settings:
        if toml:
            (folder / "hostler.toml").write_text(toml)
        given = {"data_dir": tmp_path / "D", **start}
        return reading.read(Start(flags=flags or {}, **given), environ or {})

    return reads


def _problems(read: Read, *arguments: Any, **more: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(*arguments, **more)
    return [str(each).removeprefix(f"{Path.cwd()}/") for each in raised.value.problems]


def test_without_anything_everything_is_the_default(read: Read) -> None:
    settings = read()
    assert (settings.port, settings.region, settings.account) == (4747, "us-east-1", "123456789012")
    assert settings.file is None
    assert settings.origins.keys() == {"server.data_dir"}


def test_flags_win_over_the_environment_and_that_over_the_file(read: Read) -> None:
    toml = "[server]\nport = 4801\ngateways = 2\n[quotas]\nendpoints = 3\nmodels = 3\n"
    environ = {
        "HOSTLER_GATEWAYS": "3",
        "HOSTLER_QUOTAS_ENDPOINTS": "4",
        "HOSTLER_REGION": "eu-west-1",
    }
    settings = read(toml, environ, {"server.region": "eu-west-3", "quotas.endpoints": "5"})
    assert (settings.port, settings.gateways, settings.region) == (4801, 3, "eu-west-3")
    assert (settings.config.quotas.models, settings.config.quotas.endpoints) == (3, 5)
    assert settings.origins == {
        "server.data_dir": "--data-dir",
        "server.port": f"{Path.cwd()}/hostler.toml:2",
        "server.gateways": "$HOSTLER_GATEWAYS",
        "server.region": "--region",
        "quotas.endpoints": "--set quotas.endpoints",
        "quotas.models": f"{Path.cwd()}/hostler.toml:6",
    }


def test_tables_lists_choices_and_paths_are_read_as_their_records(
    read: Read, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").touch()
    settings = read(
        """
        [runtimes]
        pin = { scikit-learn = "1.2" }
        find_links = ["wheels", "~/more", "https://mirror.test/simple"]
        wheels = "cuda"
        [runtimes.add."my.own"]
        requirements_file = "../own.txt"
        repositories = ["mine"]
        """
    )
    runtimes = settings.config.runtimes
    assert runtimes.pin == {"scikit-learn": "1.2"}
    assert runtimes.find_links == (
        str(tmp_path / "W/wheels"),
        str(tmp_path / "more"),
        "https://mirror.test/simple",
    )
    assert runtimes.wheels is Wheels.CUDA
    own = AddedRuntime(repositories=("mine",), requirements_file=str(tmp_path / "own.txt"))
    assert runtimes.add == {"my.own": own}


def test_text_is_read_as_toml_would_give_it(read: Read) -> None:
    environ = {
        "HOSTLER_QUOTAS_INSTANCES_PER_ENDPOINT": "unlimited",
        "HOSTLER_QUOTAS_INSTANCES_BY_TYPE": '{ "ml.m5.large" = 0 }',
        "HOSTLER_RUNTIMES_EXTRA_INDEX": "https://a.test/x, https://b.test/y",
        "HOSTLER_ALLOW_REMOTE": "true",
        "HOSTLER_HOST": "10.0.0.1",
        "HOSTLER_INSTANCES_OVERCOMMIT": "refuse",
        "HOSTLER_LOGS_LEVEL": "",
    }
    config = read(environ=environ).config
    assert config.quotas.instances_per_endpoint is None
    assert config.quotas.instances_by_type == {"ml.m5.large": 0}
    assert config.runtimes.extra_index == ("https://a.test/x", "https://b.test/y")
    assert (config.server.host, config.server.allow_remote) == ("10.0.0.1", Remote.YES)
    assert config.instances.overcommit is Overcommit.REFUSE


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("[server]\nprot = 1", "2: server.prot is no setting: did you mean port?"),
        ("\n\n[quota]", "3: quota is no section: did you mean quotas?"),
        ("port = 5000", "1: port is no section: write it below [server]"),
        ("server = 1", "1: server must be a table, not 1"),
        (
            "[server]\nport = '80'",
            '2: server.port must be a whole number from 1 to 65535, not "80"',
        ),
        (
            "[server]\nport = true",
            "2: server.port must be a whole number from 1 to 65535, not true",
        ),
        ("[server]\naccount = 1", "2: server.account must be 12 digits in quotes, not 1"),
        ("[server]\nregion='mars'", '2: server.region must be a region like us-east-1, not "mars"'),
        ("[quotas]\nmodels = -1", "2: quotas.models must be a whole number of 0 or more, not -1"),
        (
            '[quotas.instances_by_type]\n"m5.large" = 1',
            '2: quotas.instances_by_type."m5.large" must be an instance type like ml.m5.xlarge',
        ),
        ("[instances]\ngpu = 'no'", '2: instances.gpu must be cpu or refuse, not "no"'),
        (
            "[runtimes]\npin = { xgboost = 1.7 }",
            "2: runtimes.pin.xgboost must be text in quotes, not 1.7",
        ),
        (
            "[runtimes]\nextra_index = [\n'https://a.test',\n'b.test']",
            '4: runtimes.extra_index[1] must be http(s) URLs, not "b.test"',
        ),
        (
            "[runtimes.add.own]\nrequirement = ['x']\nenvironment = '/x'",
            "2: runtimes.add.own.requirement is no setting: did you mean requirements?",
        ),
        (
            "[runtimes.add.own]\npython = '3.11'",
            (
                "1: runtimes.add.own.requirements cannot be so: a runtime has exactly one of "
                "requirements, requirements_file and environment"
            ),
        ),
        (
            "[runtimes]\n[runtimes.pin]\nonnx = '0.1'",
            (
                "2: runtimes.pin cannot be: there is no onnx 0.1 among onnx (1.32.0): add it: "
                '[runtimes.add.NAME] with framework = "onnx"'
            ),
        ),
        (
            "[server]\nhost = '0.0.0.0'",
            (
                "2: server.host cannot be so: 0.0.0.0 is reached by other machines: say tls = "
                '"local" or tls_certificate and tls_key as well, or allow_remote = "plain" to let '
                "bodies travel in the clear, or listen on 127.0.0.1"
            ),
        ),
        (
            "[server]\nallow_remote = 1",
            "2: server.allow_remote must be no or yes or plain, not 1",
        ),
        (
            "[server]\ntls_certificate = '/x.pem'\nhosts = ['h']",
            ("2: server.tls_certificate cannot be so: tls_certificate and tls_key belong together"),
        ),
        (
            "[server]\nhosts = ['Hostler:80']",
            (
                "2: server.hosts[0] must be a host's lower-case name or its IPv4 address, without "
                'a port, not "Hostler:80"'
            ),
        ),
    ],
)
def test_a_problem_says_where_what_and_what_would_do(read: Read, toml: str, problem: str) -> None:
    assert _problems(read, toml) == [f"hostler.toml:{problem}"]


def test_every_problem_is_found_and_the_first_one_said_with_their_number(read: Read) -> None:
    toml = "[server]\nport = 0\ngateways = 65\n"
    problems = _problems(read, toml, {"HOSTLER_PROT": "1"}, {"server.region": "x", "quotas.a": "1"})
    assert [problem.partition(" ")[0] for problem in problems] == [
        "hostler.toml:2:", "hostler.toml:3:", "HOSTLER_PROT", "--set", "--region",
    ]  # fmt: skip
    with pytest.raises(SettingsError, match=r"toml:2: .*\(and 1 more: `hostler config check`"):
        read(toml)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("account", "12345", '--account must be 12 digits, not "12345"'),
        ("region", "us-east-1; rm", "--region must be a region like us-east-1"),
        ("port", 0, "--port must be a whole number from 1 to 65535, not 0"),
        ("port", 65536, "--port must be"),
        ("gateways", 65, "--gateways must be a whole number from 1 to 64, not 65"),
    ],
)
def test_a_flag_is_named_as_it_is_typed(read: Read, name: str, value: object, problem: str) -> None:
    [said] = _problems(read, flags={f"server.{name}": value})
    assert said.startswith(problem)


def test_what_is_no_toml_is_said_with_its_line(read: Read) -> None:
    with pytest.raises(SettingsError, match=r"hostler\.toml:2: is no TOML: .*"):
        read("[server]\nport == 1\n")
    with pytest.raises(SettingsError, match=r"hostler\.toml:3: is no TOML: .*"):
        read('[server]\nhost = """\n')


def test_a_variable_that_is_nearly_a_setting_s_is_refused_and_others_are_left(read: Read) -> None:
    assert _problems(read, environ={"HOSTLER_GATEWAY": "2"}) == [
        "HOSTLER_GATEWAY is no setting: did you mean HOSTLER_GATEWAYS?"
    ]
    read(environ={"HOSTLER_SERVICE_HOST_NAME": "10.0.0.1", "HOSTLER_CONFIG": ""})


def test_the_file_is_the_named_one_or_here_or_the_last_one_or_the_data_directory_s(
    read: Read, tmp_path: Path
) -> None:
    places = {name: tmp_path / name / "hostler.toml" for name in ("D", "V", "F", "W")}
    for number, path in enumerate(places.values()):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[server]\nport = {4801 + number}\n")
    environ = {"HOSTLER_CONFIG": str(places["V"])}
    assert read(environ=environ, file=places["F"]).port == 4803
    assert read(environ=environ).port == 4802
    place.keep_settings(read())
    assert Settings.load(tmp_path / "D").port == 4804
    places["W"].rename(tmp_path / "elsewhere.toml")
    assert read().port == 4801
    place.keep_settings(read(file=places["F"]))
    assert read().port == 4803
    places["F"].unlink()
    assert read().port == 4801


@pytest.mark.parametrize("folder", ["W", "D"])
def test_what_has_the_files_name_and_is_no_file_is_refused(
    read: Read, tmp_path: Path, folder: str
) -> None:
    path = tmp_path / folder / "hostler.toml"
    path.mkdir()
    with pytest.raises(SettingsError, match=r"/hostler\.toml is a folder, .*: remove it"):
        read()
    path.rmdir()
    path.symlink_to("gone.toml")
    with pytest.raises(SettingsError, match=r"/hostler\.toml is a link to gone\.toml, .*: write"):
        read()


def test_a_file_that_was_named_must_be_there(read: Read, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no .*/gone.toml: .* --config"):
        read(file=tmp_path / "gone.toml")


def test_the_data_directory_is_the_flag_s_the_variable_s_the_file_s_or_in_the_home_folder(
    read: Read, tmp_path: Path
) -> None:
    assert read(data_dir=None).data_dir == tmp_path / ".hostler"
    toml = "[server]\ndata_dir = '../of-file'\n"
    assert read(toml, data_dir=None).data_dir == tmp_path / "of-file"
    environ = {"HOSTLER_DATA_DIR": "V"}
    assert read(environ=environ, data_dir=None).data_dir == tmp_path / "W/V"
    assert read(environ=environ).data_dir == tmp_path / "D"


def test_without_a_home_folder_a_data_directory_is_asked_for(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(SettingsError, match="--data-dir"):
        read(data_dir=None)


def test_a_file_in_a_data_directory_cannot_name_another_one(read: Read, tmp_path: Path) -> None:
    home = tmp_path / ".hostler"
    home.mkdir()
    (home / "hostler.toml").write_text("[server]\ndata_dir = '/srv/x'\n")
    [problem] = _problems(read, data_dir=None)
    assert "hostler.toml:2: server.data_dir names another place" in problem


def test_the_region_is_the_shell_s_where_nothing_else_says_one(read: Read) -> None:
    assert read(environ={"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"
    both = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-central-1"}
    assert read(environ=both).region == "eu-central-1"
    assert read("[server]\nregion = 'eu-west-3'", both).region == "eu-west-3"


def test_what_was_given_once_stays_until_it_is_given_anew(read: Read, tmp_path: Path) -> None:
    """A start from another shell must not move the endpoints out of sight."""
    place.keep_settings(read(environ={"AWS_REGION": "ap-southeast-1"}, flags={"server.port": 4801}))
    later = read(environ={"AWS_REGION": "us-west-2"})
    assert (later.port, later.region) == (4801, "ap-southeast-1")
    assert later.origins["server.port"] == "an earlier `hostler up`"
    assert read(flags={"server.region": "us-west-2"}).region == "us-west-2"


def test_what_a_file_or_a_variable_said_ends_with_it(read: Read) -> None:
    place.keep_settings(read("[server]\nport = 4801\n", {"HOSTLER_GATEWAYS": "3"}))
    settings = read("[server]\n")
    assert (settings.port, settings.gateways) == (4747, 1)


def test_a_data_directory_belongs_to_one_account(read: Read, tmp_path: Path) -> None:
    place.keep_settings(read(flags={"server.account": "210987654321"}))
    assert read().account == "210987654321"
    assert read(flags={"server.account": "210987654321"}).account == "210987654321"
    with pytest.raises(SettingsError, match=r"belongs to account 210987654321.*another --data-dir"):
        read(flags={"server.account": "123456789012"})
    [problem] = _problems(read, "[server]\naccount = '123456789012'")
    assert problem.startswith("hostler.toml:2: server.account cannot be 123456789012")


def test_read_again_a_running_one_takes_what_needs_no_start(read: Read) -> None:
    running = read("[server]\nport = 4801\n[quotas]\nmodels = 1\n")
    Path("hostler.toml").write_text("[server]\nport = 4802\n[quotas]\nmodels = 2\n")
    new = reading.anew(running, {})
    again = reading.reloaded(running, new)
    assert (again.port, again.config.quotas.models) == (4801, 2)
    assert reading.differences(running.config, again.config) == ["quotas.models"]
    assert reading.differences(again.config, new.config) == ["server.port"]


def test_what_was_recorded_reads_back_as_it_was(read: Read, tmp_path: Path) -> None:
    settings = read("[runtimes.add.own]\nrequirements = ['a==1']\n", flags={"server.port": 4801})
    assert Settings.from_json(settings.to_json()) == settings
    assert json.loads(settings.to_json())["flags"]["server.port"] == 4801
