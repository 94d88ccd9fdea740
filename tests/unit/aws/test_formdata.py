"""multipart/form-data, whole and cut at every byte."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.aws.formdata import FormError, FormReader, TooLargeError, boundary_of

FORM = (
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\na b\r\n'
    b"--x \r\nContent-Type: a/b\r\ncontent-disposition: form-data;name=empty\r\n\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="File"; filename="a\\"b.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n"
    b"one\r\n--y\r\n--\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="submit"\r\n\r\nUpload\r\n--x--\r\nend'
)
CONTENT = b"one\r\n--y\r\n--\r\n"


def fed(pieces: list[bytes], most: int = 1000) -> tuple[FormReader, bytes]:
    reader = FormReader(b"x", most)
    content = b"".join([reader.feed(piece) for piece in pieces])
    reader.finish()
    return reader, content


@given(st.lists(st.integers(0, len(FORM)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_form_is_the_same_wherever_it_is_cut(cuts: list[int]) -> None:
    places = sorted({0, *cuts, len(FORM)})
    reader, content = fed([FORM[a:b] for a, b in pairwise(places)])
    assert content == CONTENT
    assert reader.fields == [("key", "a b"), ("empty", "")]
    assert reader.file == ("File", 'a"b.txt')


def test_a_form_comes_byte_by_byte() -> None:
    assert fed([bytes([byte]) for byte in FORM])[1] == CONTENT


@pytest.mark.parametrize("end", range(len(FORM) - 7))
def test_a_form_that_breaks_off_is_none(end: int) -> None:
    with pytest.raises(FormError):
        fed([FORM[:end]])


def test_little_is_held_of_a_file() -> None:
    reader = FormReader(b"x", 1000)
    reader.feed(FORM.partition(b"one")[0])
    came = sum(len(reader.feed(bytes(1 << 16))) for _ in range(16))
    assert came >= (1 << 20) - 10


@pytest.mark.parametrize(
    "form",
    [
        b'--x\r\nContent-Disposition: form-data; name="k"\r\n\r\n' + bytes(2000),
        b"--x\r\nContent-Disposition: form-data; " + bytes(9000),
        FORM + bytes(2000),
        FORM.replace(b"Upload", bytes(2000)),
    ],
)
def test_what_is_beside_the_file_is_bounded(form: bytes) -> None:
    with pytest.raises(TooLargeError):
        fed([form[at : at + 100] for at in range(0, len(form), 100)])


@pytest.mark.parametrize(
    "form",
    [
        b"preamble\r\n" + FORM,
        FORM.replace(b"--x \r\n", b"--xx\r\n"),
        FORM.replace(b'form-data; name="key"', b'attachment; name="key"'),
        FORM.replace(b'form-data; name="key"', b"form-data; filename=a"),
        FORM.replace(b'form-data; name="key"', b'form-data; name="key'),
        FORM.replace(b'form-data; name="key"', b'form-data; name="a"; name="b"'),
        FORM.replace(b"a b", b"\xff"),
        FORM.replace(b'Content-Disposition: form-data; name="key"', b"X: y"),
    ],
)
def test_what_is_malformed_is_no_form(form: bytes) -> None:
    with pytest.raises(FormError):
        fed([form])


@pytest.mark.parametrize(
    ("told", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; Boundary="a b;c"', b"a b;c"),
        ("multipart/form-data;boundary=abc ; x=y", b"abc"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=" + "a" * 71, None),
    ],
)
def test_the_boundary_is_told_by_the_type(told: str, boundary: bytes | None) -> None:
    if boundary is None:
        with pytest.raises(FormError):
            boundary_of(told)
    else:
        assert boundary_of(told) == boundary
