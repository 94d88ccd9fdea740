"""The external S3 of the settings: its files, and what is found of it for status."""

import asyncio
from pathlib import Path

import pytest

from hostler.app import external
from hostler.app.config import reading
from hostler.app.config.problems import SettingsError
from hostler.app.external import Watch
from played_s3 import playing, refused


def read(folder: Path, text: str) -> list[str]:
    """The problems of a file whose section [s3] is that."""
    file = folder / "hostler.toml"
    file.write_text(f"[s3]\n{text}\n")
    try:
        reading.read(reading.Start(folder / "data", file), {})
    except SettingsError as error:
        return [str(each) for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('region = "us-east-1"', "s3.endpoint cannot be so: it is missing"),
        ('endpoint = "minio:9000"', "s3.endpoint must be an http(s) URL"),
        ('endpoint = "http://u:p@minio"', "s3.endpoint must be an http(s) URL"),
        ('endpoint = "http://minio"\nsecret_access_key = "s"', "s3.access_key_id cannot be so"),
        (
            'endpoint = "http://m"\naccess_key_id = "a"\nsecret_access_key_file = "empty"',
            "one line",
        ),
        ('endpoint = "http://m"\naccess_key_id = "a"\nsecret_access_key_file = "no"', "No such"),
    ],
)
def test_each_mistake_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "empty").touch()
    assert any(said in each for each in read(tmp_path, text))


def test_a_secret_is_in_no_problem(tmp_path: Path) -> None:
    problems = read(tmp_path, 'endpoint = "http://m"\nsecret_access_key = "do\\nnot\\ntell"')
    assert problems
    assert not any("tell" in each for each in problems)


def test_the_secret_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    named = 'access_key_id = "a"\nsecret_access_key_file = "secret"'
    file = tmp_path / "hostler.toml"
    file.write_text(f'[s3]\nendpoint = "http://m:9/"\n{named}\n')
    made = external.of(reading.read(reading.Start(tmp_path / "data", file), {}))
    assert made is not None
    assert (made.place.endpoint, made.place.secret) == ("http://m:9", "hush")
    assert made.place.region == "us-east-1"


def test_what_is_found_is_told_until_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "LOOK_EVERY_S", 0.0)

    async def watched(watch: Watch) -> list[str | None]:
        told: list[str | None] = []
        running = asyncio.create_task(watch.run())
        while len(told) < 2:
            if watch.problem != (told[-1] if told else None):
                told.append(watch.problem)
            await asyncio.sleep(0.001)
        running.cancel()
        return told

    answers = [*[refused("InvalidAccessKeyId")] * 50, *[(200, {}, b"")] * 200]
    with playing(*answers) as player:
        first, second = asyncio.run(watched(Watch(player.s3())))
    assert first is not None
    assert "does not know the access key" in first
    assert second is None
