"""Tags that Hostler acts on: read, and refused where they cannot be acted on."""

import pytest

from hostler.domain import endpoint_tags


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hostler:sticky-header", "X-User-Id"),
        ("hostler:sticky-header", "X-Amzn-SageMaker-Custom-Attributes"),
        ("hostler:shadow-tolerance", "0.01"),
        ("hostler:shadow-tolerance", "0"),
        ("hostler:shadow-examples", "off"),
        ("Hostler", "anything"),
        ("team", ""),
    ],
)
def test_what_can_be_acted_on(key: str, value: str) -> None:
    assert endpoint_tags.wrong({key: value}) is None


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("hostler:sticky-header", "", "must name a header"),
        ("hostler:sticky-header", "two words", "must name a header"),
        ("hostler:sticky-header", "Authorization", "that a caller sends alike"),
        ("hostler:shadow-tolerance", "much", "must be a number from 0 to 1"),
        ("hostler:shadow-tolerance", "nan", "must be a number from 0 to 1"),
        ("hostler:shadow-tolerance", "2", "must be a number from 0 to 1"),
        ("hostler:shadow-examples", "yes", "must be on or off"),
        ("hostler:sticky_header", "x", "none of the tags that Hostler acts on"),
    ],
)
def test_what_cannot_be_is_named(key: str, value: str, said: str) -> None:
    told = endpoint_tags.wrong({"team": "rc", key: value})
    assert told is not None
    assert told.startswith(key)
    assert said in told


def test_what_is_read() -> None:
    tags = {
        "hostler:sticky-header": " X-User ",
        "hostler:shadow-tolerance": "1e-3",
        "hostler:shadow-examples": "on",
    }
    assert endpoint_tags.sticky_header(tags) == "x-user"
    assert endpoint_tags.shadow_tolerance(tags) == 0.001
    assert endpoint_tags.shadow_examples(tags)
    assert not endpoint_tags.sticky_header({})
    assert endpoint_tags.shadow_tolerance({}) is None
    assert not endpoint_tags.shadow_examples({})
