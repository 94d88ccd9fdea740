"""What commands print, read within bounds."""

import asyncio

from hostler.backends.process import output


def _stream(*parts: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    for part in parts:
        stream.feed_data(part)
    stream.feed_eof()
    return stream


def _lines(*parts: bytes) -> list[str]:
    async def read() -> list[str]:
        return [line async for line in output.lines(_stream(*parts))]

    return asyncio.run(read())


def test_lines_come_whole_however_they_arrive() -> None:
    assert _lines(b"one\ntw", b"o\r\n\nla\xffst") == [
        "one",
        "two",
        "",
        "la\N{REPLACEMENT CHARACTER}st",
    ]


def test_of_a_line_without_end_only_its_beginning_is_kept() -> None:
    long = b"x" * (1 << 20)
    kept = "x" * output.LINE_MAX
    assert _lines(b"one\n", long, long + b"\ntwo\n", long) == ["one", kept, "two", kept]


def test_of_a_long_story_only_the_end_is_kept() -> None:
    async def read() -> bytes:
        return await output.tail(_stream(b"begin", b"x" * (1 << 20), b"the end"), 7)

    assert asyncio.run(read()) == b"the end"
