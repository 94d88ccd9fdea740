"""A certificate that cannot be used is refused before anybody listens, with what is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from certificates import Files, written
from hostler.app.config import certificate
from hostler.domain.config.server import Server


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return written(tmp_path, "hostler.test")


def server(files: Files) -> Server:
    return Server(
        hosts=("hostler.test",), tls_certificate=str(files.certificate), tls_key=str(files.key)
    )


def test_one_that_can_be_used_has_no_faults(files: Files) -> None:
    assert list(certificate.faults(server(files))) == []
    assert list(server(files).faults()) == []


def test_files_that_are_missing_are_named(files: Files) -> None:
    files.key.unlink()
    (fault,) = certificate.faults(server(files))
    assert (fault.key, str(files.key) in fault.text) == ("tls_key", True)


def test_another_s_key_is_told(files: Files, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other", "hostler.test")
    (fault,) = certificate.faults(replace(server(files), tls_key=str(other.key)))
    assert "the key is another certificate's" in fault.text


def test_a_key_with_a_password_is_told_and_nobody_is_asked(files: Files) -> None:
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    (fault,) = certificate.faults(server(files))
    assert "the key has a password" in fault.text


def test_what_is_no_certificate_is_told(files: Files) -> None:
    files.certificate.write_text("nothing\n")
    (fault,) = certificate.faults(server(files))
    assert "no PEM certificate and its key" in fault.text
