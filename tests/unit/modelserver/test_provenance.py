import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest

from hostler.modelserver import provenance
from hostler.modelserver.provenance import Written

OLD = Path(__file__).parents[2] / "fixtures" / "xgboost"
UBJ = b"{L\0\0\0\0\0\0\0\x07learner{learner_model_param}L" + bytes(7)
SKLEARN = b"\x80\x04\x8c\x07sklearn.tree\x8c\x10_sklearn_version\x94\x8c\x051.2.2\x94"


def torch_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model/data.pkl", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "origin"),
    [
        ("m.joblib", SKLEARN, ("scikit-learn", "1.2.2")),
        *(
            ("m.joblib", zlib.compress(SKLEARN, level), ("scikit-learn", "1.2.2"))
            for level in range(10)
        ),
        ("m.pkl", SKLEARN + b"xgboost.sklearn" + b'"version":[1,7,6]', ("xgboost", "1.7.6")),
        ("m.pkl", b"\x80\x04lightgbm.basic", ("lightgbm", "")),
        ("m.pkl", b"\x80\x04builtins", None),
        ("m.ubj", UBJ + b"\x07version[#L" + bytes(7) + b"\x03i\x03i\x02i\0", ("xgboost", "3.2.0")),
        (
            "m.json",
            b'{"learner":{"learner_model_param":{}},"version":[2,1,4]}',
            ("xgboost", "2.1.4"),
        ),
        ("m.json", b'{"learner": 1}', None),
        ("model.txt", b"tree\nversion=v4\nnum_class=1\n", ("lightgbm", "")),
        ("notes.txt", b"tree\nof mine", None),
        ("model.pt", torch_file(), ("pytorch", "")),
        ("model.zip", b"PK\x03\x04", None),
        ("model.onnx", b"\x08\x08", ("onnx", "")),
        (
            "config.json",
            json.dumps({"architectures": [], "transformers_version": "4.40.1"}).encode(),
            ("huggingface", "4.40.1"),
        ),
        ("config.json", b'{"port": 1}', None),
        ("weights.bin", bytes(100), None),
        ("weights.bin", b"\xff" * 200, None),
        ("m.pkl", b"", None),
    ],
)
def test_a_file_says_who_saved_it(
    tmp_path: Path, name: str, content: bytes, origin: tuple[str, str] | None
) -> None:
    (tmp_path / name).write_bytes(content)
    assert provenance.of_file(str(tmp_path / name)) == origin


@pytest.mark.parametrize("path", sorted(OLD.glob("*-*.*")), ids=lambda path: path.name)
def test_xgboost_s_old_files_and_pickles_say_their_version(path: Path) -> None:
    version = path.stem.partition("-")[2]
    assert provenance.of_file(str(path)) == ("xgboost", version)


def test_a_folder_s_files_are_read_without_code_links_and_hidden_ones(tmp_path: Path) -> None:
    for name in ("deep/er/m.pkl", "m.pkl", "code/m.pkl", "._m.pkl", ".hidden/m.pkl"):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SKLEARN)
    (tmp_path / "model/link.pkl").symlink_to(tmp_path / "model/m.pkl")
    found = provenance.of_folder(str(tmp_path / "model"))
    assert found == [
        Written("scikit-learn", "1.2.2", "m.pkl"),
        Written("scikit-learn", "1.2.2", "deep/er/m.pkl"),
    ]


def test_what_is_read_of_a_folder_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(provenance.FILES_MAX + 5):
        (tmp_path / f"{number}.pkl").write_bytes(SKLEARN)
    assert len(provenance.of_folder(str(tmp_path))) == provenance.FILES_MAX
    monkeypatch.setattr(provenance, "FOLDER_MAX", 3 * len(SKLEARN))
    assert len(provenance.of_folder(str(tmp_path))) == 3
