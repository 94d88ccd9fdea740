"""A browser's form, sent to Hostler's S3 and to moto's server: the same object, the same answer.

moto judges no policies and no signatures, so only what is let through is compared.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

import reference_s3
from reference_s3 import reference_server
from s3_rig import REGION, s3_server

CONTENT = b"\r\n--x\r\n" * 20


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Any, Any]]:
    with s3_server() as running, reference_server() as reference:
        ours, theirs = running.client(), reference_s3.client(reference.address, REGION)
        for each in (ours, theirs):
            each.create_bucket(Bucket="forms")
        yield ours, theirs
        ours.close()
        theirs.close()


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("plain", {}),
        ("a b/\u00e9", {"success_action_status": "200"}),
        ("created", {"success_action_status": "201"}),
        ("on", {"success_action_redirect": "https://example.org/done?x=1"}),
        ("meta", {"x-amz-meta-who": "me"}),
    ],
)
def test_a_form_has_the_same_outcome(both: tuple[Any, Any], key: str, fields: Any) -> None:
    ours, theirs = (_outcome(each, key, fields) for each in both)
    assert ours == theirs


def _outcome(s3: Any, key: str, fields: dict[str, str]) -> Any:
    conditions = [{name: value} for name, value in fields.items()]
    form = s3.generate_presigned_post("forms", key, dict(fields), conditions)
    sent = [*form["fields"].items(), ("file", ("a.txt", CONTENT))]
    body, kind = urllib3.encode_multipart_formdata(sent)
    with urllib3.PoolManager() as pool:
        answer = pool.request(
            "POST", form["url"], body=body, headers={"content-type": kind}, redirect=False
        )
    redirect = urlsplit(answer.headers.get("Location", "")) if answer.status == 303 else None
    query = parse_qs(redirect.query) if redirect else {}
    query.pop("etag", None)  # moto does not tell it there
    stored = s3.get_object(Bucket="forms", Key=key)
    with stored["Body"] as content:
        return (
            answer.status,
            redirect and (redirect.scheme, redirect.netloc, redirect.path, query),
            content.read(),
            stored["ETag"],
            stored["Metadata"],
        )
