"""An external S3, played by a server that answers as it is told: failures name their remedy."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hostler.aws import external
from hostler.aws.external import PIECE_BYTES, ExternalError, ExternalS3, Listed, Place, RefusedError
from played_s3 import NOW, playing, refused


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refused("InvalidAccessKeyId"), "does not know the access key AKEXT: mend access_key_id"),
        (refused("SignatureDoesNotMatch"), "mend secret_access_key"),
        (
            refused("RequestTimeTooSkewed", Date="Tue, 14 Nov 2023 22:23:20 GMT"),
            "the clocks differ by 600 s",
        ),
        (refused("PermanentRedirect", 301, x_amz_bucket_region="eu-west-1"), "it points to eu-w"),
        (refused("SlowDown", 503), "it answers 503 SlowDown no"),
        (refused("NoSuchBucket", 404), "it answers NoSuchBucket"),
    ],
)
def test_each_failure_says_what_would_mend_it(
    answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    with playing(answer) as player, pytest.raises(ExternalError, match=said) as caught:
        player.s3().probe()
    assert player.address in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_key_that_may_not_list_buckets_is_a_good_key() -> None:
    with playing(refused("AccessDenied")) as player:
        player.s3().probe()


def test_a_server_that_never_answers_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "SILENCE_MAX_S", 0.05)
    with playing((0, {}, b"")) as player, pytest.raises(ExternalError, match="did not answer in"):
        player.s3().probe()


def test_names_that_cannot_be_found_and_certificates_nobody_vouches_for_are_said() -> None:
    nowhere = ExternalS3(Place("http://name.invalid", "r", "k", "s"), lambda: NOW)
    with pytest.raises(ExternalError, match=r"the name name\.invalid cannot be found"):
        nowhere.probe()
    with pytest.raises(ExternalError, match="ca_bundle /none cannot be used"):
        ExternalS3(Place("https://x", "r", "k", "s", ca_bundle=Path("/none")), lambda: NOW)


def vouching_for_itself(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS as localhost, and the certificate that it shows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, both = folder / "shown.pem", folder / "both.pem"
    shown.write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(secret + shown.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, shown


def test_tls_is_believed_by_the_authority_that_is_set_and_no_other(tmp_path: Path) -> None:
    tls, shown = vouching_for_itself(tmp_path)
    with playing((200, {}, b""), tls=tls) as player:
        with pytest.raises(ExternalError, match=r"certificate is not trusted .*: set ca_bundle"):
            player.s3().probe()
        player.s3(ca_bundle=shown).probe()


def test_a_silent_refusal_of_head_is_asked_for_its_reason() -> None:
    gone = (404, {}, b"")
    listing = (200, {}, b"<ListBucketResult/>")
    for answers, code in (
        ((gone, listing), "NoSuchKey"),
        ((gone, refused("NoSuchBucket", 404)), "NoSuchBucket"),
        (((403, {}, b""), refused("AccessDenied")), "AccessDenied"),
    ):
        with playing(*answers) as player, pytest.raises(RefusedError) as caught:
            player.s3().head("b", "k")
        assert caught.value.code == code
    with (
        playing((403, {}, b""), refused("InvalidAccessKeyId")) as player,
        pytest.raises(ExternalError, match="does not know the access key"),
    ):
        player.s3().head("b", "k")


def test_a_download_is_what_was_looked_up_or_nothing(tmp_path: Path) -> None:
    listed = Listed("a b/\u00e9", '"e"', 4)
    with playing((200, {}, b"1234"), (200, {}, b"123"), (412, {}, b"")) as player:
        player.s3().download("b", listed, tmp_path / "one", lambda: True)
        assert (tmp_path / "one").read_bytes() == b"1234"
        assert player.asked[0][1] == "/b/a%20b/%C3%A9"
        assert player.asked[0][2]["if-match"] == '"e"'
        with pytest.raises(ExternalError, match="3 of the 4 bytes"):
            player.s3().download("b", listed, tmp_path / "two", lambda: True)
        with pytest.raises(RefusedError):
            player.s3().download("b", listed, tmp_path / "three", lambda: True)


def test_a_download_is_cut_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    wanted = iter((True, False))
    body = b"1" * (2 * PIECE_BYTES)
    listed = Listed("k", '"e"', len(body))
    with playing((200, {}, body)) as player, pytest.raises(ExternalError, match="of the"):
        player.s3().download("b", listed, tmp_path / "k", lambda: next(wanted))
    assert (tmp_path / "k").stat().st_size <= PIECE_BYTES


def test_an_answer_that_is_cut_is_no_answer(tmp_path: Path) -> None:
    with (
        playing((200, {"Content-Length": "9"}, b"1234")) as player,
        pytest.raises(ExternalError, match="ended the connection before its answer's end"),
    ):
        player.s3().download("b", Listed("k", '"e"', 9), tmp_path / "cut", lambda: True)


def test_lists_are_followed_to_their_end() -> None:
    def page(keys: str, token: str) -> tuple[int, dict[str, str], bytes]:
        found = "".join(
            f"<Contents><Key>{k}</Key><ETag>e</ETag><Size>1</Size></Contents>" for k in keys
        )
        more = (
            f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        )
        text = f"<ListBucketResult>{found}{more if token else ''}</ListBucketResult>"
        return 200, {}, text.encode()

    with playing(page("ab", "t="), page("c", "")) as player:
        assert [each.key for each in player.s3().list("b", "p q/")] == ["a", "b", "c"]
    assert "continuation-token=t%3D" in player.asked[1][1]
    assert "prefix=p%20q%2F" in player.asked[0][1]


def test_buckets_may_be_named_in_front_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = ExternalS3(Place("https://s3.example:9000", "r", "k", "s", virtual_hosted=True), lambda: 0)
    assert s3._named("b", "k", "") == ("b.s3.example:9000", "/k")
    assert s3._named("b", None, "q=1") == ("b.s3.example:9000", "/?q=1")
    assert s3._named(None, None, "") == ("s3.example:9000", "/")
