"""Two models' answers, compared by what their content type says."""

import math
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.gateway.compare import Agreement, Answer, at_once, judge

EQUAL, CLOSE, DIFFERENT = Agreement.EQUAL, Agreement.CLOSE, Agreement.DIFFERENT
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def answer(body: bytes, kind: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, kind, body)


def npy(values: list[float], kind: str = "<f8", shape: Any = None, *, version: int = 1) -> bytes:
    header = repr({"descr": kind, "fortran_order": False, "shape": shape or (len(values),)})
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    code = {"f8": "d", "f4": "f", "i8": "q"}[kind[1:]]
    data = struct.pack(f"{kind[0]}{len(values)}{code}", *values)
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (b"[1, 2]", b"[1,2]", EQUAL),
        (b'{"a":1,"b":[0.5]}', b'{"b":[0.5],"a":1}', EQUAL),
        (b"[0.1234567]", b"[0.12345671]", CLOSE),
        (b"[1]", b"[1.0]", CLOSE),
        (b"[0.0]", b"[1e-9]", CLOSE),
        (b"[0.5]", b"[0.6]", DIFFERENT),
        (b'["cat"]', b'["dog"]', DIFFERENT),
        (b"[1]", b"[true]", DIFFERENT),
        (b'["1"]', b"[1]", DIFFERENT),
        (b"[1,2]", b"[1]", DIFFERENT),
        (b"[[]]", b"[null]", DIFFERENT),
        (b'{"a":1}', b'{"a":1,"b":2}', DIFFERENT),
        (b'{"a":{}}', b'{"a":[]}', DIFFERENT),
        (b"[1", b"[1]", DIFFERENT),
        (b"[NaN]", b"[ NaN]", DIFFERENT),
    ],
)
def test_json(one: bytes, other: bytes, expected: Agreement) -> None:
    assert judge(answer(one), answer(other)) is expected
    assert judge(answer(other), answer(one)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (b"1.0,2.0\n", b"1.0,2.0", EQUAL),
        (b"1.0,2.0", b"1.0000001,2.0", CLOSE),
        (b"nan,1", b"nan,1\n", CLOSE),
        (b"1.0,2.0", b"1.0,2.5", DIFFERENT),
        (b"1.0,2.0", b"1.0\n2.0", DIFFERENT),
        (b"cat,0.9", b"cat,0.90000001", CLOSE),
        (b"cat,0.9", b"dog,0.9", DIFFERENT),
        (b"\xff", b"\xfe", DIFFERENT),
    ],
)
def test_csv(one: bytes, other: bytes, expected: Agreement) -> None:
    kinds = "text/csv", "text/csv; charset=utf-8"
    assert judge(answer(one, kinds[0]), answer(other, kinds[1])) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (npy([1.0, 2.0]), npy([1.0, 2.0], version=2), EQUAL),
        (npy([1.0, 2.0], "<f8"), npy([1.0, 2.0], ">f8"), EQUAL),
        (npy([1.0, 2.0]), npy([1.0, 2.0000001]), CLOSE),
        (npy([1.0, math.nan]), npy([1.0000001, math.nan]), CLOSE),
        (npy([1.0, 2.0]), npy([1.0, 3.0]), DIFFERENT),
        (npy([1.0, 2.0]), npy([1.0, 2.0], shape=(2, 1)), DIFFERENT),
        (npy([1.0, 2.0]), npy([1.0, 2.0], "<f4"), DIFFERENT),
        (npy([1.0])[:-1], npy([1.0]), DIFFERENT),
        (b"no array", npy([1.0]), DIFFERENT),
        (b"\x93NUMPY\x01", npy([1.0]), DIFFERENT),
    ],
)
def test_npy(one: bytes, other: bytes, expected: Agreement) -> None:
    kind = "application/x-npy"
    assert judge(answer(one, kind), answer(other, kind)) is expected


def test_an_array_as_numpy_writes_it_is_read() -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }".ljust(117) + b"\n"
    made = [
        answer(
            b"\x93NUMPY\x01\x00v\x00" + head + struct.pack("<6d", *(n + step for n in range(6))),
            "application/x-npy",
        )
        for step in (0.0, 1e-9, 1.0)
    ]
    assert [judge(made[0], each) for each in made] == [EQUAL, CLOSE, DIFFERENT]


def test_what_is_nested_beyond_measure_is_different() -> None:
    deep = b"[" * 1000 + b"1" + b"]" * 1000
    assert judge(answer(deep), answer(b" " + deep)) is DIFFERENT


def test_lines_of_json() -> None:
    kind = "application/jsonlines"
    one = answer(b'{"a": 0.5}\n{"a": 1.5}\n', kind)
    assert judge(one, answer(b'{"a":0.5}\n\n{"a":1.5000001}', kind)) is CLOSE
    assert judge(one, answer(b'{"a":0.5}', kind)) is DIFFERENT


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (answer(b"x", "image/png"), answer(b"x", "image/png"), EQUAL),
        (answer(b"x", "image/png"), answer(b"y", "image/png"), DIFFERENT),
        (answer(b"[1]"), answer(b"[1]", "text/csv"), DIFFERENT),
        (answer(b"[1]"), answer(b"[1]", "application/json; charset=utf-8"), EQUAL),
        (answer(b"no", status=400), answer(b"never", status=400), EQUAL),
        (answer(b"[1]"), answer(b"[1]", status=500), DIFFERENT),
        (answer(b"[1]"), answer(b"[2]"), None),
    ],
)
def test_what_can_be_told_without_reading(
    one: Answer, other: Answer, expected: Agreement | None
) -> None:
    assert at_once(one, other) is expected


def test_the_tolerance_is_relative_and_can_be_chosen() -> None:
    one, other = answer(b"[100.0]"), answer(b"[101.0]")
    assert judge(one, other) is DIFFERENT
    assert judge(one, other, 0.01) is CLOSE


@given(VALUES)
def test_whatever_json_says_agrees_with_itself(value: Any) -> None:
    one = answer(orjson.dumps(value))
    other = answer(b" " + orjson.dumps(value))
    assert judge(one, other) is EQUAL


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(
    ["application/json", "text/csv", "application/x-npy", "application/jsonlines", "a/b", ""]
))  # fmt: skip
def test_whatever_bytes_come_there_is_a_judgement_and_it_has_no_sides(
    one: bytes, other: bytes, kind: str
) -> None:
    found = judge(answer(one, kind), answer(other, kind))
    assert found is judge(answer(other, kind), answer(one, kind))
    assert found is EQUAL or one != other
