"""A profile in the user's files: only ours is replaced."""

from pathlib import Path

import pytest

from hostler.toolkit.profile import ProfileError, copied, files, merged, put, with_bodies

MINE = "# about me\n[default]\nregion=eu-west-1\n\n[profile work]\nregion = us-west-2  # west\n"


def test_what_the_user_has_stays_as_it_is():
    once = merged(MINE, "profile local", {"region": "us-east-1"})
    assert once.startswith(MINE)
    assert once.endswith("region = us-east-1\n")
    again = merged(once, "profile local", {"region": "eu-central-1"})
    assert again.startswith(MINE)
    assert again.count("[profile local]") == 1
    assert "us-east-1" not in again


def test_a_section_in_the_middle_is_replaced_there():
    once = merged("", "local", {"a": "1"}) + "\n[other]\nb = 2\n"
    again = merged(once, "local", {"a": "3"})
    assert again.index("[local]") < again.index("a = 3") < again.index("[other]")
    assert again.endswith("[other]\nb = 2\n")


def test_a_profile_of_the_users_own_is_never_replaced():
    with pytest.raises(ProfileError, match="choose another name"):
        merged(MINE, "profile work", {"region": "us-east-1"})


def test_every_profile_of_a_copy_takes_bodies_as_version_1_of_the_cli_does():
    text = with_bodies(MINE, "keys-only")
    assert text.replace("cli_binary_format = raw-in-base64-out\n", "").startswith(MINE)
    assert text.count("cli_binary_format") == 3
    assert text.endswith("\n[profile keys-only]\ncli_binary_format = raw-in-base64-out\n")
    assert with_bodies("[services a]\ns3 =\n  endpoint_url = x").count("cli_binary") == 1
    assert with_bodies("") == "\n[default]\ncli_binary_format = raw-in-base64-out\n"


def test_what_the_user_says_of_bodies_stays():
    said = "[default]\ncli_binary_format=base64\n"
    assert with_bodies(said) == said


def test_a_copy_of_a_copy_is_made_from_the_users_own(tmp_path: Path):
    mine = tmp_path / "config"
    mine.write_text(MINE)
    first = copied(mine, tmp_path, None)
    assert first is not None
    mine.write_text("[default]\nregion = eu-west-3\n")
    assert copied(first, tmp_path, None) == first
    assert "eu-west-3" in first.read_text()
    mine.write_text("[default]\ncli_binary_format = base64\n")
    assert copied(first, tmp_path, None) is None


def test_nobody_needs_a_configuration_file(tmp_path: Path):
    path = copied(tmp_path / "none", tmp_path, None)
    assert path is not None
    assert "[default]" in path.read_text()


def test_a_comment_before_the_next_section_stays():
    once = merged("", "local", {"a": "1"}) + "\n# of the other\n; too\n[other]\nb = 2\n"
    assert merged(once, "local", {"a": "3"}) == once.replace("a = 1", "a = 3")
    last = merged("", "local", {"a": "1"}) + "# the end\n"
    assert merged(last, "local", {"a": "1"}).endswith("\n# the end\n")


def test_nothing_is_written_where_one_file_has_a_profile_of_the_users_own(tmp_path: Path):
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    credentials.write_text("[prod]\naws_access_key_id = mine\n")
    with pytest.raises(ProfileError, match="of your own"):
        put((config, "profile prod", {"a": "1"}), (credentials, "prod", {"b": "2"}))
    assert not config.exists()
    assert credentials.read_text() == "[prod]\naws_access_key_id = mine\n"


def test_a_file_keeps_its_mode_and_a_new_one_is_private(tmp_path: Path):
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(MINE)
    config.chmod(0o644)
    put((config, "profile local", {"a": "1"}), (credentials, "local", {"b": "2"}))
    assert config.stat().st_mode & 0o777 == 0o644
    assert credentials.stat().st_mode & 0o777 == 0o600


def test_a_profile_goes_into_the_users_file_not_into_our_copy_of_it(tmp_path: Path):
    mine = tmp_path / "config"
    mine.write_text(MINE)
    copy = copied(mine, tmp_path, None)
    assert files({"AWS_CONFIG_FILE": str(copy)}, tmp_path)[0] == mine
    assert files({"AWS_CONFIG_FILE": str(mine)}, tmp_path)[0] == mine
