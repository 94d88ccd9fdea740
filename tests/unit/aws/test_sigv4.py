"""Signatures as botocore makes them are accepted; anything that they do not cover is not."""

import gc
import hashlib
import secrets
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.aws import sigv4
from hostler.aws.presented import PLAN_LENGTH_MAX, PLANS_MAX, Plan, Scope
from hostler.aws.signing import KEYS_MAX, SigningKey, signing_key
from hostler.domain.errors import CallerError

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
HOST = "127.0.0.1:4747"
SHA_OF_NOTHING = hashlib.sha256(b"").hexdigest()

SCOPED = "AWS4-HMAC-SHA256 Credential=a/20250101/r/sagemaker/aws4_request"

Headers = list[tuple[str, str]]


def sent(request: Any) -> tuple[str, str, Headers]:
    """A prepared request as a server receives its head."""
    prepared = request.prepare()
    target = prepared.url.split(HOST, 1)[1]
    headers = [(name.lower(), str(value)) for name, value in prepared.headers.items()]
    if not any(name == "host" for name, _ in headers):
        headers.append(("host", HOST))
    return prepared.method, target, headers


def signed_by_botocore(
    signer: type,
    service: str,
    *,
    method: str = "POST",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    token: str | None = None,
    **options: Any,
) -> tuple[str, str, Headers]:
    request = botocore.awsrequest.AWSRequest(
        method=method, url=f"http://{HOST}{target}", data=body, headers=headers or {}
    )
    credentials = botocore.credentials.Credentials(KEY, SECRET, token)
    signer(credentials, service, "us-east-1", **options).add_auth(request)
    return sent(request)


def stamp_of(headers: Headers) -> float:
    value = dict(headers)["x-amz-date"]
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def accept(method: str, target: str, headers: Headers, body: bytes = b"") -> sigv4.Presented:
    presented = sigv4.present(method, target, headers)
    now = stamp_of(headers)
    sigv4.verify(presented, SECRET, hashlib.sha256(body).hexdigest(), now)
    return presented


def refusal(method: str, target: str, headers: Headers, body: bytes = b"") -> str:
    with pytest.raises(CallerError) as raised:
        accept(method, target, headers, body)
    return raised.value.code


PATHS = st.text("abcXYZ019-._~/ +%$&=@:,;'()*!é漢", max_size=20).map(lambda path: "/" + path)
QUERIES = st.lists(
    st.tuples(st.text("abz-._~ é%+=&/", max_size=6), st.text(max_size=6)), max_size=4
)


@settings(max_examples=60, deadline=None)
@given(path=PATHS, query=QUERIES, body=st.binary(max_size=40), token=st.booleans())
def test_botocores_header_signatures_are_accepted(
    path: str, query: list[tuple[str, str]], body: bytes, token: bool
) -> None:
    encoded = botocore.auth.quote(path, safe="/~")
    pairs = "&".join(
        f"{botocore.auth.quote(k, safe='-_.~')}={botocore.auth.quote(v, safe='-_.~')}"
        for k, v in query
    )
    method, target, headers = signed_by_botocore(
        botocore.auth.SigV4Auth,
        "sagemaker",
        target=f"{encoded}?{pairs}" if pairs else encoded,
        headers={"Content-Type": "application/json", "X-Amz-Target": "SageMaker.ListModels"},
        body=body,
        token="a token" if token else None,
    )
    presented = accept(method, target, headers, body)
    assert presented.access_key_id == KEY
    assert (presented.service, presented.region) == ("sagemaker", "us-east-1")
    assert presented.session_token == ("a token" if token else None)


@settings(max_examples=60, deadline=None)
@given(path=PATHS)
def test_botocores_s3_signatures_are_accepted(path: str) -> None:
    method, target, headers = signed_by_botocore(
        botocore.auth.S3SigV4Auth,
        "s3",
        method="PUT",
        target="/bucket" + botocore.auth.quote(path, safe="/~"),
        body=b"content",
    )
    assert accept(method, target, headers, b"content").service == "s3"


@pytest.mark.parametrize("signer", [botocore.auth.S3SigV4QueryAuth])
def test_botocores_presigned_urls_are_accepted(signer: type) -> None:
    method, target, headers = signed_by_botocore(
        signer, "s3", method="GET", target="/bucket/a%20key?versionId=1", expires=60
    )
    presented = sigv4.present(method, target, headers)
    assert presented.expires_s == 60
    assert presented.payload_hash == sigv4.UNSIGNED_PAYLOAD
    now = datetime.now(UTC).timestamp()
    sigv4.verify(presented, SECRET, sigv4.UNSIGNED_PAYLOAD, now)
    with pytest.raises(CallerError, match="Request has expired"):
        sigv4.verify(presented, SECRET, sigv4.UNSIGNED_PAYLOAD, now + 3600)
    changed = sigv4.present(method, target.replace("versionId=1", "versionId=2"), headers)
    with pytest.raises(CallerError, match="SignatureDoesNotMatch"):
        sigv4.verify(changed, SECRET, sigv4.UNSIGNED_PAYLOAD, now)


def signed(
    extra: Headers | None = None,
    *,
    service: str = "sagemaker",
    body: bytes = b"{}",
    payload: str | None = None,
    target: str = "/",
    now: float = 1_750_000_000.0,
) -> tuple[str, str, Headers]:
    headers = sigv4.sign(
        "POST",
        target,
        [("host", HOST), *(extra or [])],
        payload or hashlib.sha256(body).hexdigest(),
        access_key_id=KEY,
        secret=SECRET,
        region="us-east-1",
        service=service,
        now=now,
    )
    return "POST", target, list(headers)


def test_our_own_signature_is_accepted() -> None:
    assert accept(*signed(), b"{}").access_key_id == KEY


def test_the_same_signature_over_another_body_is_refused() -> None:
    assert refusal(*signed(), b"{ }") == "InvalidSignatureException"


def test_the_services_name_their_errors_differently() -> None:
    assert refusal(*signed(service="iam"), b"x") == "SignatureDoesNotMatch"
    assert refusal(*signed(service="s3"), b"x") == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize(
    "name", ["x-amz-target", "x-amz-copy-source", "x-amz-acl", "x-amz-checksum-crc32"]
)
@pytest.mark.parametrize(
    ("service", "code"), [("s3", "AccessDenied"), ("sagemaker", "InvalidSignatureException")]
)
def test_an_amz_header_that_is_not_signed_is_refused(name: str, service: str, code: str) -> None:
    method, target, headers = signed(service=service)
    assert refusal(method, target, [*headers, (name, "anything")], b"{}") == code


def test_an_unsigned_copy_source_on_a_presigned_put_is_refused() -> None:
    method, target, headers = signed_by_botocore(
        botocore.auth.S3SigV4QueryAuth, "s3", method="PUT", target="/b/k", expires=60
    )
    with pytest.raises(CallerError) as raised:
        sigv4.present(method, target, [*headers, ("x-amz-copy-source", "/other/secret")])
    assert raised.value.code == "AccessDenied"
    assert raised.value.members == {"HeadersNotSigned": "x-amz-copy-source"}


def test_a_presigned_request_cannot_choose_a_streaming_body_unsigned() -> None:
    method, target, headers = signed_by_botocore(
        botocore.auth.S3SigV4QueryAuth, "s3", method="PUT", target="/b/k", expires=60
    )
    streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    with pytest.raises(CallerError) as raised:
        sigv4.present(method, target, [*headers, streaming])
    assert raised.value.code == "AccessDenied"


def without_signing(name: str) -> tuple[str, str, Headers]:
    """A request whose list of signed headers lacks one of those sent."""
    method, target, headers = signed()
    scope = f"{KEY}/20250615/us-east-1/sagemaker/aws4_request"
    names = ";".join(sorted(n for n, _ in headers if n not in (name, "authorization")))
    value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={'0' * 64}"
    return method, target, [*headers[:-1], ("authorization", value)]


def test_the_host_must_be_signed() -> None:
    assert refusal(*without_signing("host"), b"{}") == "InvalidSignatureException"


def test_the_date_must_be_signed() -> None:
    assert refusal(*without_signing("x-amz-date"), b"{}") == "InvalidSignatureException"


def test_two_sources_of_authentication_are_refused() -> None:
    for second in ("X-Amz-Signature=0", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWSAccessKeyId=x"):
        request = signed(service="s3", target=f"/b/k?{second}")
        assert refusal(*request, b"{}") == "InvalidArgument"


def test_a_header_that_decides_must_not_come_twice() -> None:
    method, target, headers = signed()
    for name in ("authorization", "x-amz-date", "host"):
        value = dict(headers)[name]
        assert refusal(method, target, [*headers, (name, value)], b"{}").startswith("Incomplete")


def test_duplicates_of_a_signed_header_are_joined_in_order() -> None:
    extra = [("my-header", "b"), ("my-header", " a  c ")]
    method, target, headers = signed(extra)
    assert accept(method, target, headers, b"{}")
    one, two = headers.index(extra[0]), headers.index(extra[1])
    headers[one], headers[two] = headers[two], headers[one]
    assert refusal(method, target, headers, b"{}") == "InvalidSignatureException"


@pytest.mark.parametrize(("service", "allowed_s"), [("sagemaker", 300), ("s3", 900)])
@pytest.mark.parametrize("way", [-1, 1])
def test_skew(service: str, allowed_s: int, way: int) -> None:
    made_at = 1_750_000_000.0
    presented = sigv4.present(*signed(service=service, now=made_at))
    digest = hashlib.sha256(b"{}").hexdigest()
    sigv4.verify(presented, SECRET, digest, made_at + way * allowed_s)
    with pytest.raises(CallerError) as raised:
        sigv4.verify(presented, SECRET, digest, made_at + way * (allowed_s + 1))
    code = "RequestTimeTooSkewed" if service == "s3" else "InvalidSignatureException"
    assert raised.value.code == code


def test_the_text_of_an_expired_signature_is_awss() -> None:
    presented = sigv4.present(*signed(now=1_750_000_000.0))
    with pytest.raises(CallerError) as raised:
        sigv4.verify(presented, SECRET, hashlib.sha256(b"{}").hexdigest(), 1_750_000_600.0)
    assert raised.value.message == (
        "Signature expired: 20250615T150640Z is now earlier than 20250615T151140Z "
        "(20250615T151640Z - 5 min.)"
    )


def test_the_scopes_date_is_the_stamps() -> None:
    method, target, headers = signed()
    changed = [(n, v.replace("/20250615/", "/20250614/")) for n, v in headers]
    assert refusal(method, target, changed, b"{}") == "InvalidSignatureException"


@pytest.mark.parametrize("payload", [sigv4.UNSIGNED_PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_an_unsigned_payload_is_for_s3_alone(payload: str) -> None:
    extra = [("x-amz-content-sha256", payload)]
    assert refusal(*signed(extra, payload=payload), b"{}") == "InvalidSignatureException"
    method, target, headers = signed(service="s3", payload=payload)
    sigv4.verify(sigv4.present(method, target, headers), SECRET, payload, stamp_of(headers))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/x/y/z/aws4_request, SignedHeaders=host, Signature=0",
        f"{SCOPED}, Signature=0",
        f"{SCOPED}, SignedHeaders=Host, Signature=0",
        f"{SCOPED}, SignedHeaders=host;a, Signature=0",
        f"{SCOPED}, Credential=b, SignedHeaders=host, Signature=0",
    ],
)
def test_a_header_that_is_not_whole_is_refused(value: str) -> None:
    headers = [("host", HOST), ("x-amz-target", "SageMaker.X"), ("authorization", value)]
    assert refusal("POST", "/", headers) == "IncompleteSignatureException"


def test_a_second_scope_cannot_send_a_request_to_another_service() -> None:
    """The scope that routes is the scope that is verified: S3's looser rules stay S3's."""
    method, target, headers = signed(service="s3", payload=sigv4.UNSIGNED_PAYLOAD)
    other = f"{KEY}/20250615/us-east-1/iam/aws4_request"
    value = headers[-1][1].replace(" Credential=", f" FooCredential={other}, Credential=")
    assert refusal(method, target, [*headers[:-1], ("authorization", value)]).startswith("Auth")
    value = headers[-1][1].replace("/s3/aws4_request", f"/s3/aws4_request/{other}")
    assert refusal(method, target, [*headers[:-1], ("authorization", value)]) != ""


def test_a_presigned_scope_that_is_spelt_to_be_overlooked_is_refused() -> None:
    method, target, headers = signed_by_botocore(
        botocore.auth.S3SigV4QueryAuth, "sagemaker", method="GET", target="/b/k", expires=60
    )
    hidden = target.replace("X-Amz-Credential", "X%2DAmz-Credential")
    with pytest.raises(CallerError, match="scoped to correct service: 's3'"):
        sigv4.present(method, hidden, headers)


def test_a_signature_that_comes_first_shares_nothing_with_the_next() -> None:
    """Only a prefix that says everything is remembered: another key's must not answer for it."""
    method, target, headers = signed()
    value = headers[-1][1].removeprefix("AWS4-HMAC-SHA256 ")
    credential, names, signature = value.split(", ")
    reordered = [
        *headers[:-1],
        ("authorization", f"AWS4-HMAC-SHA256 {signature}, {credential}, {names}"),
    ]
    other = [
        *headers[:-1],
        (
            "authorization",
            f"AWS4-HMAC-SHA256 {signature}, {credential.replace(KEY, 'AK2')}, {names}",
        ),
    ]
    assert accept(method, target, reordered, b"{}").access_key_id == KEY
    assert sigv4.present(method, target, other).access_key_id == "AK2"


def test_nothing_at_all() -> None:
    for target, headers, code in (
        ("/", [("x-amz-target", "SageMaker.ListModels")], "MissingAuthenticationTokenException"),
        ("/endpoints/x/invocations", [], "MissingAuthenticationTokenException"),
        ("/bucket/key", [], "AccessDenied"),
        (
            "/",
            [("content-type", "application/x-www-form-urlencoded")],
            "MissingAuthenticationToken",
        ),
    ):
        with pytest.raises(CallerError) as raised:
            sigv4.present("POST", target, headers)
        assert raised.value.code == code


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "1e3", "", "9" * 400, "٣"])
def test_a_presigned_life_has_bounds(expires: str) -> None:
    method, target, headers = signed_by_botocore(
        botocore.auth.S3SigV4QueryAuth, "s3", method="GET", target="/b/k", expires=60
    )
    quoted = botocore.auth.quote(expires, safe="")
    with pytest.raises(CallerError) as raised:
        sigv4.present(method, target.replace("Expires=60", f"Expires={quoted}"), headers)
    assert raised.value.code == "AuthorizationHeaderMalformed"


def test_a_doubled_slash_is_normalised_for_all_but_s3() -> None:
    """A path of two slashes once passed for its own canonical form."""
    headers = dict(signed(target="/")[2])
    request = ("POST", "//", list(headers.items()))
    assert accept(*request, b"{}")


def living(kind: type) -> int:
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


def test_what_is_remembered_of_requests_is_bounded() -> None:
    # What others in this process hold already, beside what is remembered here, does not count.
    kinds = Scope, sigv4.Order, Plan
    before = [living(kind) for kind in kinds]
    for number in range(sigv4.CACHED_MAX + 50):
        method, _, headers = signed(service=f"service{number}")
        for each in range(4):
            sigv4.present(method, "/", [*headers, (f"h{number}-{each}", "x")])
    scopes, orders, plans = (living(kind) - had for kind, had in zip(kinds, before, strict=True))
    assert scopes <= sigv4.CACHED_MAX
    assert orders <= sigv4.CACHED_MAX
    assert plans <= sigv4.CACHED_MAX * PLANS_MAX


def signing(headers: Headers, *names: str) -> Headers:
    """The same, with these said to be signed too (nothing is verified yet)."""
    value = headers[-1][1]
    said = value.partition("SignedHeaders=")[2].partition(",")[0]
    more = ";".join(sorted([*said.split(";"), *names]))
    return [*headers[:-1], ("authorization", value.replace(said, more))]


def test_what_is_remembered_of_one_order_is_bounded() -> None:
    method, target, headers = signed()
    more = [(f"h{number}", "x") for number in range(PLANS_MAX + 10)]
    order = sigv4.order_of(tuple(name for name, _ in [*more, *headers]))
    for name, _ in more:
        sigv4.present(method, target, [*more, *signing(headers, name)])
    assert 0 < len(order.plans) <= PLANS_MAX


def test_nothing_is_remembered_of_a_long_list_of_signed_headers() -> None:
    method, target, headers = signed()
    name = "h" * PLAN_LENGTH_MAX
    sent = [(name, "x"), *signing(headers, name)]
    for _ in range(2):
        assert f"\n{name}:x\n" in sigv4.present(method, target, sent).head
    assert not sigv4.order_of(tuple(name for name, _ in sent)).plans


def test_keys_that_are_remembered_are_bounded() -> None:
    keys = living(SigningKey)
    for number in range(KEYS_MAX + 50):
        signing_key(SECRET, "20250101", f"region-{number}", "sagemaker")
    assert living(SigningKey) - keys <= KEYS_MAX


def test_paths_that_are_remembered_are_bounded() -> None:
    method, _, headers = signed()

    def ask(count: int) -> None:
        for number in range(count):
            sigv4.present(method, f"/{secrets.token_hex(450)}{number}", headers)

    tracemalloc.start()
    try:
        ask(2 * sigv4.CACHED_MAX)
        before, _ = tracemalloc.get_traced_memory()
        ask(2 * sigv4.CACHED_MAX)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # they have a million characters
