"""What `make audit` makes of pip-audit's document."""

from tools.audit import is_answered, mendable

SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}
SOUND = {"name": "orjson", "version": "3.13.0", "vulns": []}
BROKEN = {
    "name": "joblib",
    "version": "1.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["1.2", "1.1.1"]},
        {"id": "PYSEC-2", "fix_versions": []},
    ],
}


def test_what_another_version_mends_is_told() -> None:
    lines = list(mendable({"dependencies": [SKIPPED, SOUND, BROKEN]}))
    assert lines == ["joblib 1.0: PYSEC-1, mended in 1.2, 1.1.1"]


def test_a_service_that_knows_no_package_has_not_answered() -> None:
    assert not is_answered({"dependencies": [SKIPPED, SKIPPED]})
    assert not is_answered({"dependencies": []})
    assert is_answered({"dependencies": [SKIPPED, SOUND]})
