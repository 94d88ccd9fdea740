"""Requests that are not what they should be, each protocol for itself."""

import gzip
import subprocess
import sys
from typing import Any

import pytest

from hostler.aws import compression, parse, specs
from hostler.aws.http import HttpRequest
from hostler.aws.protocols import xml
from hostler.aws.protocols.errors import UnreadableError
from hostler.domain.errors import CallerError


def parsed(service: str, operation: str, body: bytes, **head: Any) -> dict[str, Any]:
    known = specs.service(service).operation(operation)
    assert known is not None
    target = head.pop("target", "/")
    headers = tuple(head.pop("headers", ()))
    return parse.parse(known, HttpRequest(known.method, target, headers, body))


def refusal(service: str, operation: str, body: bytes, **head: Any) -> CallerError:
    with pytest.raises(CallerError) as raised:
        parsed(service, operation, body, **head)
    return raised.value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"ModelName": 1}', "Expected a string at 'modelName' but found a number."),
        (b'{"Tags": {}}', "Expected a list at 'tags' but found an object."),
        (b'{"Tags": [1]}', "Expected an object at 'tags.1.member' but found a number."),
        (
            b'{"PrimaryContainer": {"Environment": {"A": true}}}',
            "Expected a string at 'primaryContainer.environment.A.member' but found a boolean.",
        ),
        (b"[]", "Expected an object but found a list."),
        (b"null", "Expected an object but found null."),
        (b'{"ModelName":', "The body is not valid JSON"),
        (b'{"ModelName": NaN}', "The body is not valid JSON"),
        (b'{"ModelName": "\xff"}', "The body is not valid JSON"),
        (b'{"A":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64 levels"),
        (b"[" * 100_000, "The body is not valid JSON"),
        (b'{"EnableNetworkIsolation": "true"}', "Expected a boolean"),
    ],
)
def test_json_that_is_not_the_models(body: bytes, text: str) -> None:
    error = refusal("sagemaker", "CreateModel", body)
    assert error.code == "SerializationException"
    assert text in error.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1700000000", 1.7e9),
        (b"1700000000.25", 1.70000000025e9),
        (b'"2023-11-14T22:13:20Z"', 1.7e9),
        (b'"Tue, 14 Nov 2023 22:13:20 GMT"', 1.7e9),
    ],
)
def test_times_are_seconds(value: bytes, expected: float) -> None:
    found = parsed("sagemaker", "ListEndpoints", b'{"CreationTimeAfter": ' + value + b"}")
    assert found["CreationTimeAfter"] == pytest.approx(expected)


@pytest.mark.parametrize("value", [b'"soon"', b"1e300", b"true", b"[]", b'"2023-13-01T00:00:00Z"'])
def test_what_is_not_a_time(value: bytes) -> None:
    error = refusal("sagemaker", "ListEndpoints", b'{"CreationTimeAfter": ' + value + b"}")
    assert "Expected a timestamp at 'creationTimeAfter'" in error.message


def test_numbers() -> None:
    assert parsed("sagemaker", "ListModels", b'{"MaxResults": 5.0}') == {"MaxResults": 5}
    for wrong in (
        b"5.5",
        b'"5"',
        b"true",
        b"1e400",
        b"2147483648",
        b"123456789012345678901234567890.5",
    ):
        error = refusal("sagemaker", "ListModels", b'{"MaxResults": ' + wrong + b"}")
        assert error.code == "SerializationException"


def test_null_is_absent_and_the_unknown_is_left_out() -> None:
    body = b'{"ModelName": null, "Nope": {"deep": [1]}, "Tags": []}'
    assert parsed("sagemaker", "CreateModel", body) == {"Tags": []}


def test_an_empty_body_is_an_empty_object() -> None:
    assert parsed("sagemaker", "ListModels", b"") == {}


def test_a_payload_without_a_body_is_left_out() -> None:
    found = parsed("s3", "PutObject", b"", target="/bucket/a%20key/%C3%A9")
    assert found == {"Bucket": "bucket", "Key": "a key/é"}


def test_headers_of_s3() -> None:
    headers = (
        ("x-amz-meta-a", "1"),
        ("x-amz-meta-b-c", "caf\xc3\xa9"),
        ("content-length", "12"),
        ("if-none-match", "*"),
    )
    found = parsed("s3", "PutObject", b"", target="/b/k", headers=headers)
    assert found["Metadata"] == {"a": "1", "b-c": "café"}
    assert found["ContentLength"] == 12
    assert found["IfNoneMatch"] == "*"


@pytest.mark.parametrize("target", ["/b?max-keys=many&list-type=2", "/b?max-keys=&list-type=2"])
def test_a_parameter_that_is_not_a_number(target: str) -> None:
    error = refusal("s3", "ListObjectsV2", b"", target=target)
    assert error.code == "InvalidArgument"


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete><Object>",
        b"not xml",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><Delete><Object><Key>&a;</Key></Object></Delete>",
        b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><Delete/>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><Delete/>'.encode("utf-16"),
        b"<a>" * 100 + b"</a>" * 100,
        b"<a>" + b"<b/>" * (xml.ELEMENTS_MAX + 1) + b"</a>",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nope"?><Delete/>',
        b"<Delete><Quiet>maybe</Quiet></Delete>",
    ],
)
def test_xml_that_is_not_the_models(body: bytes) -> None:
    assert refusal("s3", "DeleteObjects", body, target="/b?delete").code == "MalformedXML"


def test_the_text_of_an_element_is_all_that_stands_between_its_children() -> None:
    element = xml.loads("<a>x<b>y</b>&lt;<!-- --><c/>é</a>".encode())
    assert (element.text, [child.text for child in element.children]) == ("x<é", ["y", ""])


LONG_MIXED = """
from hostler.aws.protocols import xml

found = xml.loads(b"<a>" + (b"x" * 75 + b"<b/>") * 100_000 + b"</a>")
assert len(found.text) == 7_500_000
"""


def test_no_xml_is_slow_to_read() -> None:
    """Were the text copied at each child, it would be minutes."""
    subprocess.run([sys.executable, "-c", LONG_MIXED], check=True, timeout=30)


def test_xml_with_namespaces_and_prefixes() -> None:
    body = (
        b'<s:Delete xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/"><s:Object><s:Key>a&amp;b'
        b"</s:Key></s:Object><!-- no --><Object><Key><![CDATA[<c>]]></Key></Object></s:Delete>"
    )
    found = parsed("s3", "DeleteObjects", body, target="/b?delete")
    assert found["Delete"] == {"Objects": [{"Key": "a&b"}, {"Key": "<c>"}]}


def test_whatever_is_written_is_well_formed() -> None:
    text = "".join(chr(c) for c in range(0x300)) + "\ud800\ufffe\U0001f600]]>"
    writer = xml.Writer()
    with writer.element("a", attributes=f' b="{xml.escape(text, attribute=True)}"'):
        writer.leaf("c", text)
    found = xml.loads(writer.document())
    assert found.children[0].text.endswith("\U0001f600]]>")
    for there in (found.children[0].text, found.attributes["b"]):
        assert "\t\n" in there
        assert "\r" in there


def test_a_form_may_name_any_index_in_any_order() -> None:
    body = b"Tags.member.900000.Key=c&Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.x.Key=no"
    assert parsed("iam", "CreateUser", body)["Tags"] == [{"Key": k} for k in "abc"]


def test_a_form_is_bounded() -> None:
    assert refusal("iam", "CreateUser", b"a=b&" * 30_000).code == "MalformedInput"
    assert refusal("iam", "CreateUser", b"a." * 100 + b"a=b").code == "MalformedInput"


def test_a_structure_where_a_value_belongs() -> None:
    assert refusal("iam", "CreateUser", b"UserName.x=1").code == "MalformedInput"


def test_a_compressed_body_is_bounded() -> None:
    headers = (("content-encoding", "gzip"),)
    body = gzip.compress(b'{"Namespace": "x"}')
    assert parsed("cloudwatch", "PutMetricData", body, headers=headers) == {"Namespace": "x"}
    for wrong in (gzip.compress(b" " * (compression.INFLATED_MAX + 1)), body[:-3], b"no"):
        error = refusal("cloudwatch", "PutMetricData", wrong, headers=headers)
        assert error.code == "SerializationException"


def test_an_element_where_a_value_belongs() -> None:
    shape = specs.service("s3").shapes.named("Delete")
    document = xml.loads(b"<D><Quiet><x/></Quiet></D>")
    with pytest.raises(UnreadableError):
        xml.read(shape, document, "Delete")
