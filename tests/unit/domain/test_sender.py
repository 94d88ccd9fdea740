"""What a gateway tells of a client's connection, and what is made of it behind."""

import pytest

from hostler.domain import sender
from hostler.domain.sender import NOBODY, Sender

EVERY = [
    Sender("10.1.2.3", secured=False),
    Sender("2001:db8::1", secured=True, tls="1.3"),
    Sender(None, secured=False),
    Sender("10.1.2.3"),
    NOBODY,
]


@pytest.mark.parametrize("given", EVERY)
def test_what_is_written_is_read(given: Sender) -> None:
    assert sender.read(sender.written(given)) == given


@pytest.mark.parametrize("value", [None, "", "10.1.2.3", "10.1.2.3 ", " 1.3", "  "])
def test_what_is_no_such_value_tells_nothing(value: str | None) -> None:
    assert sender.read(value) == NOBODY


def test_a_connection() -> None:
    assert sender.of_connection(("::1", 1, 0, 0), "TLSv1.2", secured=True) == Sender(
        "::1", secured=True, tls="1.2"
    )
    assert sender.of_connection("", None, secured=False) == Sender(None, secured=False)
