import os
from pathlib import Path

from hostler.backends.process.pip_settings import Sources, find_links, uv_environment


def _home(tmp_path: Path, text: str) -> dict[str, str]:
    folder = tmp_path / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(text)
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "none")}


def test_a_users_index_and_certificate_reach_uv(tmp_path: Path) -> None:
    environ = _home(
        tmp_path,
        "[global]\nindex-url = https://mirror.example/simple\n"
        "extra-index-url = https://a.example/s https://b.example/s\ncert = /etc/ca.pem\n",
    )
    added = uv_environment(environ, tmp_path)
    assert added["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert added["UV_INDEX"] == "https://a.example/s https://b.example/s"
    assert added["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert added["SSL_CERT_FILE"] == "/etc/ca.pem"


def test_the_environment_wins_over_the_file_and_uvs_own_over_both(tmp_path: Path) -> None:
    environ = _home(tmp_path, "[global]\nindex-url = https://file.example/simple\n")
    environ["PIP_INDEX_URL"] = "https://env.example/simple"
    assert uv_environment(environ, tmp_path)["UV_DEFAULT_INDEX"] == "https://env.example/simple"
    environ["UV_DEFAULT_INDEX"] = "https://uv.example/simple"
    assert "UV_DEFAULT_INDEX" not in uv_environment(environ, tmp_path)


def test_find_links_are_joined_as_uv_reads_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    environ = _home(tmp_path, f"[install]\nfind-links = {one} {two}\n")
    added = uv_environment(environ, tmp_path)
    assert find_links(environ, added) == [one, two]


def test_a_file_index_that_is_not_there_is_passed_over_as_pip_does(tmp_path: Path) -> None:
    environ = _home(tmp_path, f"[global]\nextra-index-url = file://{tmp_path}/gone/simple\n")
    assert "UV_INDEX" not in uv_environment(environ, tmp_path)


def test_a_broken_pip_conf_stops_nothing(tmp_path: Path) -> None:
    environ = _home(tmp_path, "index-url without a section\n")
    assert uv_environment(environ, tmp_path) == uv_environment({"HOME": "/nowhere"}, tmp_path)


def test_what_hostler_toml_says_comes_before_what_pip_is_set_to(tmp_path: Path) -> None:
    environ = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://pip/simple",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_EXTRA_INDEX_URL": "https://extra/simple",
    }
    sources = Sources("https://own/simple", ("https://more/simple",), ("/wheels",))
    added = sources.uv_environment(environ)
    assert added["UV_DEFAULT_INDEX"] == "https://own/simple"
    assert added["UV_INDEX"] == "https://more/simple https://extra/simple"
    assert added["UV_FIND_LINKS"] == f"/wheels,{tmp_path}"
    assert added["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert Sources().uv_environment(environ) == uv_environment(environ)


def test_the_index_strategy_that_the_user_set_for_uv_wins(tmp_path: Path) -> None:
    environ = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_EXTRA_INDEX_URL": "https://extra/simple",
        "UV_INDEX_STRATEGY": "first-index",
    }
    assert "UV_INDEX_STRATEGY" not in uv_environment(environ, tmp_path)
    sources = Sources(extra_index=("https://more/simple",))
    assert "UV_INDEX_STRATEGY" not in sources.uv_environment(environ)
