"""The last uses of access keys: what is news, and how often."""

from hostler.domain import uses
from hostler.domain.uses import Use, Uses


def test_a_first_use_is_news_and_the_next_minute_is_not() -> None:
    seen = Uses()
    assert seen.due() == {}
    seen.note("A", "s3", "eu-west-1", 100.0)
    assert seen.due() == {"A": Use(100.0, "s3", "eu-west-1")}
    seen.note("A", "iam", "us-east-1", 159.0)
    assert seen.due() == {}
    seen.note("B", "s3", "r", 159.0)
    assert seen.due() == {"A": Use(159.0, "iam", "us-east-1"), "B": Use(159.0, "s3", "r")}
    seen.note("A", "iam", "us-east-1", 160.0)
    assert seen.due()["A"].at == 160.0
    assert seen.due() == {}


def test_what_is_remembered_is_bounded() -> None:
    seen = Uses()
    for number in range(uses.KEYS_MAX + 5):
        seen.note(f"A{number}", "s3", "r" * 1_000, float(number))
    found = seen.due()
    assert len(found) == uses.KEYS_MAX
    assert "A0" not in found
    assert len(found["A9"].region) == uses.REGION_CHARACTERS_MAX
