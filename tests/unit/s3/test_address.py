"""Addresses of objects in answers lead back the way that the client came."""

import pytest

from hostler.api.s3 import address
from hostler.aws.http import HttpRequest
from hostler.domain import sender
from hostler.domain.sender import Sender

PLAIN = sender.written(Sender("10.0.0.1", secured=False))
SECURED = sender.written(Sender("10.0.0.1", secured=True, tls="1.3"))
AWS = "main.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("told", "host", "expected"),
    [
        (PLAIN, "127.0.0.1:4747", "http://127.0.0.1:4747/main/a%20b/c~1"),
        (SECURED, "models.example.com:4747", "https://models.example.com:4747/main/a%20b/c~1"),
        (SECURED, AWS, f"https://{AWS}/a%20b/c~1"),
        (SECURED, "main.s3.localhost:4747", "https://main.s3.localhost:4747/a%20b/c~1"),
        (None, AWS, f"https://{AWS}/a%20b/c~1"),
        (None, "localhost", "http://localhost/main/a%20b/c~1"),
    ],
)
def test_an_object_is_found_where_its_client_came_from(
    told: str | None, host: str, expected: str
) -> None:
    headers = [("host", host)] + ([(sender.HEADER, told)] if told else [])
    request = HttpRequest("POST", "/main/a%20b/c~1?uploadId=1", tuple(headers))
    assert address.of_object(request, "main", "a b/c~1") == expected
