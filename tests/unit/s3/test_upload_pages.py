"""Uploads under way, page by page: the order, the markers, and how much is read for one."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.store import objects, upload_pages, uploads
from hostler.store.database import Store
from hostler.store.upload_pages import UploadPage
from hostler.store.uploads import Upload
from memory_stores import memory_store


@pytest.fixture(scope="module")
def made() -> Iterator[Store]:
    with memory_store(objects.index) as store:
        yield store


@pytest.fixture
def store(made: Store) -> Store:
    made.run(lambda tx: tx.execute(uploads.UPLOADS.delete()), write=True)
    return made


def begin(store: Store, *begun: Upload) -> None:
    store.run(lambda tx: [uploads.create(tx, upload) for upload in begun], write=True)


def page(store: Store, after: tuple[str, str] = ("", ""), **more: Any) -> UploadPage:
    how = {"prefix": "", "delimiter": "", "limit": 1000, **more}
    return store.run(lambda tx: upload_pages.page(tx, "b", after=after, **how))


def upload(upload_id: str, key: str, created: float) -> Upload:
    return Upload(upload_id, "b", key, "arn", created)


def ids(found: UploadPage) -> list[str]:
    return [each.id for each in found.uploads]


def test_uploads_are_listed_by_key_and_beginning(store: Store) -> None:
    begin(store, upload("z", "k", 1.0), upload("a", "k", 2.0), upload("m", "j", 3.0))
    assert ids(page(store)) == ["m", "z", "a"]
    assert ids(page(store, prefix="k")) == ["z", "a"]
    assert ids(page(store, ("k", "z"))) == ["a"]
    assert ids(page(store, ("j", ""))) == ["z", "a"]
    assert ids(page(store, ("j", "z"))) == ["z", "a"], "an id of another key means nothing"
    assert ids(page(store, ("k", "gone"))) == []


def test_a_page_of_few_reads_few(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a bucket's were read into memory for each page."""
    begin(store, *(upload(f"u{n:03}", f"{n % 2}/{n:03}", 1.0) for n in range(300)))
    read = 0

    def counted(*words: Any) -> Upload:
        nonlocal read
        read += 1
        return Upload(*words)

    monkeypatch.setattr(uploads, "Upload", counted)
    assert len(page(store, limit=5).uploads) == 5
    assert page(store, delimiter="/").prefixes == ("0/", "1/")
    assert read <= 10


KEYS = st.text("ab/", min_size=1, max_size=4)
FEW = st.sampled_from(["", "", "a", "b", "/", "a/"])


@given(
    st.lists(st.tuples(KEYS, st.sampled_from([1.0, 2.0])), max_size=12),
    FEW,
    st.sampled_from(["", "/", "b", "ab"]),
    st.integers(1, 4),
)
@settings(max_examples=150)
def test_page_after_page_shows_what_one_page_would(
    made: Store, begun: list[tuple[str, float]], prefix: str, delimiter: str, limit: int
) -> None:
    made.run(lambda tx: tx.execute(uploads.UPLOADS.delete()), write=True)
    begin(made, *(upload(f"u{n}", key, at) for n, (key, at) in enumerate(begun)))
    below = sorted(
        ((key, at, f"u{n}") for n, (key, at) in enumerate(begun) if key.startswith(prefix))
    )
    wanted_ids: list[str] = []
    wanted_prefixes: list[str] = []
    for key, _at, upload_id in below:
        before, found, _ = key[len(prefix) :].partition(delimiter or "\0")
        if not found:
            wanted_ids.append(upload_id)
        elif (shared := prefix + before + delimiter) not in wanted_prefixes:
            wanted_prefixes.append(shared)
    seen_ids: list[str] = []
    seen_prefixes: list[str] = []
    after = ("", "")
    while True:
        found_page = page(made, after, prefix=prefix, delimiter=delimiter, limit=limit)
        assert len(found_page.uploads) + len(found_page.prefixes) <= limit
        seen_ids += ids(found_page)
        seen_prefixes += found_page.prefixes
        if not found_page.truncated:
            break
        assert found_page.last is not None
        after = (found_page.last.key, found_page.last.id)
    assert seen_ids == wanted_ids
    assert seen_prefixes == wanted_prefixes
