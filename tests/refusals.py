"""How calls by boto3 are refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, *args: Any, **params: Any) -> dict[str, Any]:
    """The answer with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    answer: dict[str, Any] = caught.value.response
    return answer


def refusal(call: Any, *args: Any, **params: Any) -> tuple[str, str]:
    """The code and message with which a call is refused."""
    error = refused(call, *args, **params)["Error"]
    return str(error["Code"]), str(error["Message"])


def invalid(call: Any, *args: Any, **params: Any) -> str:
    """The message with which a call is refused by validation."""
    code, message = refusal(call, *args, **params)
    assert code == "ValidationException"
    return message
