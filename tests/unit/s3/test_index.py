"""S3's index: what is visible, in which order, and what becomes garbage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.store import garbage, object_pages, objects, uploads
from hostler.store.blobs import Blobs
from hostler.store.database import Store
from hostler.store.objects import Bucket, Checksum, ObjectPart, StoredObject
from hostler.store.uploads import Completion
from memory_stores import memory_store


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store(objects.index) as made:
        yield made


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    made = Blobs(tmp_path)
    made.own()
    yield made
    made.release()


def content(blobs: Blobs, data: bytes) -> str:
    writer = blobs.begin()
    writer.write(data)
    digest = writer.commit().digest
    writer.close()
    return digest


def stored(key: str, digest: str = "d" * 64, bucket: str = "b", **more: object) -> StoredObject:
    return StoredObject(
        bucket=bucket,
        key=key,
        size=3,
        digest=digest,
        etag="e",
        modified=100.0,
        **more,  # type: ignore[arg-type]
    )


def listing(store: Store, keys: list[str], **options: object) -> object_pages.Page:
    def fill(tx: objects.Transaction) -> object_pages.Page:
        for key in keys:
            objects.put(tx, stored(key))
        defaults = {"prefix": "", "delimiter": "", "after": "", "limit": 1000}
        return object_pages.page(tx, "b", **{**defaults, **options})  # type: ignore[arg-type]

    return store.run(fill, write=True)


def test_an_object_comes_back_as_it_was_put(store: Store) -> None:
    one = stored(
        "k\u00e9y/\U0001f600",
        headers={"ContentType": "text/plain"},
        metadata={"a": "b"},
        tags={"t": "v"},
        checksum=Checksum("CRC32", "AAAA", "COMPOSITE"),
        parts=(ObjectPart(1, 5, "x"), ObjectPart(2, 6)),
    )
    store.run(lambda tx: objects.put(tx, one), write=True)
    assert store.run(lambda tx: objects.lookup(tx, "b", one.key)) == one
    assert store.run(lambda tx: objects.lookup(tx, "b", "other")) is None
    assert store.run(lambda tx: objects.lookup(tx, "c", one.key)) is None


def test_a_bucket_name_is_taken_once(store: Store) -> None:
    first = Bucket("b", "111111111111", "us-east-1", 1.0)
    second = Bucket("b", "222222222222", "us-east-1", 2.0)
    assert store.run(lambda tx: objects.create_bucket(tx, first), write=True)
    assert not store.run(lambda tx: objects.create_bucket(tx, second), write=True)
    assert store.run(lambda tx: objects.bucket(tx, "b")) == first
    assert store.run(lambda tx: objects.buckets(tx, "222222222222")) == []


def test_keys_are_listed_in_the_order_of_their_utf8_bytes(store: Store) -> None:
    keys = ["a", "B", "\u00e9", "\uffee", "\U0001f600", "a/b", "a b", "a\x01"]
    page = listing(store, keys)
    assert [one.key for one in page.objects] == sorted(keys, key=lambda key: key.encode())


def test_prefix_and_delimiter(store: Store) -> None:
    keys = ["a/1", "a/2", "a/b/3", "b", "c/4", "a"]
    page = listing(store, keys, delimiter="/")
    assert [one.key for one in page.objects] == ["a", "b"]
    assert page.prefixes == ("a/", "c/")
    below = listing(store, keys, prefix="a/", delimiter="/")
    assert [one.key for one in below.objects] == ["a/1", "a/2"]
    assert below.prefixes == ("a/b/",)


def test_a_page_limit_of_nothing_is_an_empty_whole(store: Store) -> None:
    page = listing(store, ["a"], limit=0)
    assert (page.objects, page.truncated) == ((), False)


@given(
    keys=st.sets(st.text("ab/\uffff\U0010ffff", min_size=1, max_size=5), max_size=12),
    prefix=st.text("ab/", max_size=2),
    delimiter=st.sampled_from(["", "/", "a", "//"]),
    limit=st.integers(1, 4),
)
@settings(max_examples=150, deadline=None)
def test_pages_together_are_the_whole_listing(
    keys: set[str], prefix: str, delimiter: str, limit: int
) -> None:
    store = Store("sqlite://", inline=True, tables=objects.index)
    store.create_tables()
    expected: list[str] = []
    for key in sorted(keys, key=lambda key: key.encode()):
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            entry = key if at < 0 else key[: at + len(delimiter)]
            if entry not in expected[-1:]:
                expected.append(entry)
    seen: list[str] = []
    options = {"prefix": prefix, "delimiter": delimiter, "limit": limit}
    page = listing(store, sorted(keys), **options)
    while True:
        seen += sorted([one.key for one in page.objects] + list(page.prefixes))
        assert page.truncated == (len(seen) < len(expected))
        if not page.truncated:
            break
        page = listing(store, [], after=page.last, **options)
    store.close()
    assert sorted(seen) == sorted(expected)
    assert len(seen) == len(expected)


def test_the_successor_of_a_prefix() -> None:
    assert objects.successor("a") == "b"
    assert objects.successor("a\U0010ffff") == "b"
    assert objects.successor("\U0010ffff") is None
    assert objects.successor("\ud7ff") == "\ue000"


def test_a_replaced_and_a_deleted_content_goes_after_the_grace_period(
    store: Store, blobs: Blobs
) -> None:
    old, new = content(blobs, b"old"), content(blobs, b"new")
    store.run(lambda tx: objects.put(tx, stored("k", old)), write=True)
    store.run(lambda tx: objects.put(tx, stored("k", new)), write=True)
    assert store.run(lambda tx: objects.remove(tx, "b", "k", 150.0), write=True)
    assert not store.run(lambda tx: objects.remove(tx, "b", "k", 150.0), write=True)

    def collect(now: float) -> int:
        return store.run(lambda tx: garbage.collect(tx, blobs, now, grace_s=60), write=True)

    assert collect(159) == 0
    assert collect(160) == 1
    assert not blobs.path(old).exists()
    assert blobs.path(new).exists()
    assert collect(210) == 1
    assert not blobs.path(new).exists()
    assert collect(1000) == 0


def test_a_content_with_another_reference_stays(store: Store, blobs: Blobs) -> None:
    shared = content(blobs, b"shared")
    store.run(lambda tx: objects.put(tx, stored("a", shared)), write=True)
    store.run(lambda tx: objects.put(tx, stored("b", shared)), write=True)
    store.run(lambda tx: objects.remove(tx, "b", "a", 100.0), write=True)
    store.run(lambda tx: garbage.collect(tx, blobs, 10_000), write=True)
    assert blobs.path(shared).exists()


def test_a_content_that_is_being_stored_again_stays(store: Store, blobs: Blobs) -> None:
    digest = content(blobs, b"again")
    store.run(lambda tx: objects.note_garbage(tx, digest, 0.0), write=True)
    writer = blobs.begin()
    writer.write(b"again")
    assert writer.commit().digest == digest
    assert store.run(lambda tx: garbage.collect(tx, blobs, 10_000), write=True) == 0
    store.run(lambda tx: objects.put(tx, stored("k", digest)), write=True)
    writer.close()
    assert store.run(lambda tx: garbage.collect(tx, blobs, 10_000), write=True) == 1
    assert blobs.path(digest).exists()


def test_a_blob_that_no_row_knows_is_adopted_and_collected(store: Store, blobs: Blobs) -> None:
    orphan, known = content(blobs, b"orphan"), content(blobs, b"known")
    store.run(lambda tx: objects.put(tx, stored("k", known)), write=True)
    folders = [f"{number:02x}" for number in range(256)]

    def adopt(tx: objects.Transaction) -> int:
        return sum(garbage.adopt(tx, blobs, folder, 100.0) for folder in folders)

    assert store.run(adopt, write=True) == 1
    assert store.run(adopt, write=True) == 0
    store.run(lambda tx: garbage.collect(tx, blobs, 100 + garbage.GRACE_S), write=True)
    assert not blobs.path(orphan).exists()
    assert blobs.path(known).exists()


def test_an_upload_ends_once_and_leaves_its_parts_to_the_garbage(
    store: Store, blobs: Blobs
) -> None:
    first, second = content(blobs, b"1"), content(blobs, b"2")
    upload = uploads.Upload("u", "b", "k", "arn", 1.0)
    store.run(lambda tx: uploads.create(tx, upload), write=True)
    for digest in (first, second):
        part = uploads.Part("u", 1, 1, digest, "e", 2.0)
        store.run(lambda tx, part=part: uploads.put_part(tx, part), write=True)  # type: ignore[misc]
    assert [part.digest for part in store.run(lambda tx: uploads.parts(tx, "u"))] == [second]
    assert store.run(lambda tx: uploads.get(tx, "u")) == upload
    assert store.run(lambda tx: uploads.end(tx, "u", 3.0), write=True)
    assert not store.run(lambda tx: uploads.end(tx, "u", 3.0), write=True)
    store.run(lambda tx: garbage.collect(tx, blobs, 10_000), write=True)
    assert not blobs.path(first).exists()
    assert not blobs.path(second).exists()


def test_completions_are_remembered_for_a_while_and_not_without_bound(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REMEMBERED_MAX", 3)

    def run(tx: objects.Transaction, number: int, now: float) -> list[str]:
        uploads.remember(tx, Completion(f"u{number}", "b", "k", "e", now))
        return [f"u{n}" for n in range(9) if uploads.completion(tx, f"u{n}") is not None]

    assert store.run(lambda tx: run(tx, 0, 100.0), write=True) == ["u0"]
    assert store.run(lambda tx: run(tx, 1, 3000.0), write=True) == ["u0", "u1"]
    assert store.run(lambda tx: run(tx, 2, 4000.0), write=True) == ["u1", "u2"]
    for number in (3, 4):
        store.run(lambda tx, n=number: run(tx, n, 4001.0 + n), write=True)  # type: ignore[misc]
    assert store.run(lambda tx: run(tx, 5, 4010.0), write=True) == ["u3", "u4", "u5"]
