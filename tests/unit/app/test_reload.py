from hostler.app.config import sources, typed
from hostler.app.supervisor import reload


def test_every_setting_that_a_reload_changes_has_somebody_who_takes_it() -> None:
    """Else it would be shown as in force, and be in nobody's hands."""
    by_the_supervisor = {"logs.process_megabytes"}
    living = {f"{section}.{key}" for section, key in sources.places() if _lives(section, key)}
    assert by_the_supervisor <= living
    for name in living - by_the_supervisor:
        by = ["control", "s3"] if name.startswith("s3.") else ["control"]
        assert reload.concerned([name]) == by, name


def _lives(section: str, key: str) -> bool:
    return not typed.rules_of(sources.sections()[section])[key].restart


def test_a_line_tells_what_changed_and_what_waits() -> None:
    assert reload.line([], []) == "settings were read again: nothing to change"
    assert reload.line(["quotas.models"], ["server.port"]) == (
        "settings were read again: changed quotas.models; server.port waits for the next "
        "`hostler up`"
    )
