import errno

import botocore.exceptions
import pytest
from boto3.exceptions import S3UploadFailedError

from hostler.app.settings import SettingsError
from hostler.cli import failures
from hostler.cli.output import CommandError


def _refused(code: str, message: str) -> botocore.exceptions.ClientError:
    response = {"Error": {"Code": code, "Message": message}}
    return botocore.exceptions.ClientError(response, "DescribeEndpoint")  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [CommandError("do this"), SettingsError("do this")])
def test_our_own_errors_are_their_text(error: Exception) -> None:
    assert failures.line(error) == "do this"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4747/"),
            "nobody answers at http://127.0.0.1:4747/: start Hostler with `hostler up`",
        ),
        (
            botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:4747/"),
            "see `hostler status`",
        ),
        (_refused("ValidationException", "Could not find it"), "ValidationException: Could not"),
        (_refused("ValidationException", 'Could not find endpoint "x".'), "`hostler status` lists"),
        (_refused("InvalidClientTokenId", "No such key."), "`hostler bootstrap` makes a user"),
        (_refused("SignatureDoesNotMatch", "It does not match."), "secret is not the key's any"),
        (
            _refused("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"),
            "clock",
        ),
        (_refused("RequestTimeTooSkewed", "The difference is too large."), "clock"),
        (PermissionError(errno.EACCES, "Permission denied", "/d/root.json"), "/d/root.json"),
        (OSError(errno.ENOSPC, "No space left on device", "/d/x"), "/d/x: No space left on device"),
        (S3UploadFailedError("Failed to upload model.tar.gz"), "Failed to upload model.tar.gz"),
    ],
)
def test_what_a_person_can_mend_is_one_line(error: BaseException, words: str) -> None:
    assert isinstance(error, failures.mendable())
    line = failures.line(error)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), RuntimeError("defect")])
def test_a_defect_is_no_mendable_failure(error: BaseException) -> None:
    assert not isinstance(error, failures.mendable())
