"""Objects of an external S3: named by their content, brought when they are needed, not kept."""

from pathlib import Path

import pytest

from hostler.control.external_objects import ExternalObjects
from hostler.control.model_data import UnavailableError
from hostler.domain.instance import FailureCause
from hostler.domain.ports import ModelDataError
from played_s3 import playing, refused

FOUND = (200, {"ETag": '"e"', "Content-Length": "4"}, b"")


def test_an_object_is_brought_for_as_long_as_it_is_lent(tmp_path: Path) -> None:
    with playing(FOUND, (200, {}, b"1234"), FOUND) as player:
        kept = ExternalObjects(player.s3(), "1", tmp_path / "d")
        found = kept.find("b", "k")
        assert found is not None
        assert len(player.asked) == 1
        with found.lent(lambda: True) as path:
            assert path.read_bytes() == b"1234"
        assert list((tmp_path / "d").iterdir()) == []
        again = kept.find("b", "k")
    assert again is not None
    assert (again.digest, again.size) == (found.digest, 4)


def test_other_content_has_another_name(tmp_path: Path) -> None:
    with playing(FOUND, (200, {"ETag": '"f"', "Content-Length": "4"}, b"")) as player:
        kept = ExternalObjects(player.s3(), "1", tmp_path)
        one, other = kept.find("b", "k"), kept.find("b", "k")
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


def test_what_was_left_of_an_earlier_life_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "half").touch()
    with playing() as player:
        ExternalObjects(player.s3(), "1", tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_one_that_changes_before_it_is_brought_is_tried_again(tmp_path: Path) -> None:
    with playing(FOUND, refused("PreconditionFailed", 412)) as player:
        found = ExternalObjects(player.s3(), "1", tmp_path).find("b", "k")
        assert found is not None
        with pytest.raises(ModelDataError, match="was changed while it was read") as caught:
            found.lent(lambda: True).__enter__()
    assert caught.value.cause is FailureCause.PLATFORM


def test_why_there_is_none_is_told_apart(tmp_path: Path) -> None:
    gone = (404, {}, b"")
    with playing(gone, (200, {}, b"<ListBucketResult/>")) as player:
        assert ExternalObjects(player.s3(), "1", tmp_path).find("b", "k") is None
    for answers, said in (
        ((gone, refused("NoSuchBucket", 404)), "has no such bucket"),
        (((403, {}, b""), refused("AccessDenied")), "refuses it to Hostler's access key AKEXT"),
    ):
        with playing(*answers) as player, pytest.raises(ModelDataError, match=said) as caught:
            ExternalObjects(player.s3(), "1", tmp_path).find("b", "k")
        assert caught.value.cause is FailureCause.MISSING_OBJECT
    with playing((503, {}, b"")) as player, pytest.raises(UnavailableError, match="answers 503"):
        ExternalObjects(player.s3(), "1", tmp_path).find("b", "k")


def test_a_folder_is_all_below_it_but_markers_up_to_a_number(tmp_path: Path) -> None:
    listed = "".join(
        f"<Contents><Key>m/{k}</Key><ETag>e</ETag><Size>1</Size></Contents>"
        for k in ("", "a", "b/", "c", "d")
    )
    page = (200, {}, f"<ListBucketResult>{listed}</ListBucketResult>".encode())
    with playing(page) as player:
        found = ExternalObjects(player.s3(), "1", tmp_path).below("b", "m/", 2)
    assert [each.key for each in found] == ["m/a", "m/c"]
