"""How a user's script is found and loaded, and what is said when it cannot be."""

import json
import sys
from pathlib import Path

import pytest

from contract_scripts import MODEL_FN, ask, fails, load
from hostler.modelserver import failures


class TestLoadFailures:
    def test_transform_fn_beside_a_step(self, tmp_path: Path) -> None:
        failure = fails(
            tmp_path,
            "def transform_fn(m, d, c, a):\n    pass\ndef predict_fn(d, m):\n    pass\n",
        )
        assert failure.cause == failures.BAD_SCRIPT
        assert "transform_fn cannot be used together with predict_fn" in failure.message
        assert (failure.line, Path(failure.file).name) == (1, "inference.py")

    def test_a_syntax_error(self, tmp_path: Path) -> None:
        failure = fails(tmp_path, "x = 1\ndef model_fn(:\n")
        assert (failure.cause, failure.line) == (failures.BAD_SCRIPT, 2)
        assert failure.message.startswith("code/inference.py, line 2: SyntaxError: ")

    def test_a_syntax_error_in_a_module_of_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code/broken_part.py").write_text("x = = 1\n")
        failure = fails(tmp_path, "import broken_part\n")
        assert failure.message.startswith("code/broken_part.py, line 1: SyntaxError: ")

    @pytest.mark.parametrize(
        "script",
        [
            "x = 1\nimport no_such_thing.deep\n",
            "x = 1\nfrom no_such_thing import deep\n",
            "def model_fn(d):\n    import no_such_thing\n",
        ],
    )
    def test_a_missing_module(self, tmp_path: Path, script: str) -> None:
        failure = fails(tmp_path, script)
        assert (failure.cause, failure.line) == (failures.IMPORT_ERROR, 2)
        assert failure.message.startswith("code/inference.py, line 2: no module named 'no_such_th")
        assert failure.message.endswith("; add no_such_thing to code/requirements.txt")

    def test_a_missing_name(self, tmp_path: Path) -> None:
        failure = fails(tmp_path, "from json import nothing_such\n")
        assert failure.cause == failures.IMPORT_ERROR
        assert "cannot import name 'nothing_such'" in failure.message

    @pytest.mark.parametrize(
        ("body", "cause", "said"),
        [
            ("open('/no/such/file')", failures.MODEL_LOAD, "FileNotFoundError"),
            ("raise MemoryError", failures.OUT_OF_MEMORY, "out of memory in model_fn"),
            ("raise SystemExit", failures.BAD_SCRIPT, "it called sys.exit in model_fn"),
            (
                "raise AttributeError(\"Can't get attribute 'F' on <module '__main__'>\")",
                failures.MODEL_LOAD,
                "defined in the training script itself",
            ),
        ],
    )
    def test_model_fn_raises(self, tmp_path: Path, body: str, cause: str, said: str) -> None:
        failure = fails(tmp_path, f"def model_fn(d):\n    {body}\n")
        assert (failure.cause, failure.line) == (cause, 2)
        assert failure.message.startswith("code/inference.py, line 2: ")
        assert said in failure.message

    def test_the_script_raises_while_it_is_imported(self, tmp_path: Path) -> None:
        failure = fails(tmp_path, "\n\n1 / 0\n")
        assert (failure.cause, failure.line) == (failures.MODEL_LOAD, 3)
        assert "ZeroDivisionError" in failure.message

    @pytest.mark.parametrize(
        ("definition", "said"),
        [
            ("def model_fn():\n    pass", "model_fn()"),
            ("def model_fn(a, b, c):\n    pass", "(model_dir)"),
            ("def model_fn(a, *, b):\n    pass", "model_fn(a, *, b)"),
            ("async def model_fn(a):\n    pass", "model_fn is async"),
            ("model_fn = 3", "model_fn is not a function"),
        ],
    )
    def test_a_signature_that_does_not_fit(
        self, tmp_path: Path, definition: str, said: str
    ) -> None:
        failure = fails(tmp_path, definition + "\n")
        assert failure.cause == failures.BAD_SCRIPT
        assert said in failure.message

    def test_no_script_and_no_known_file_lists_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "weights.bin").touch()
        (tmp_path / "code").mkdir()
        (tmp_path / "code/train.py").touch()
        failure = fails(tmp_path)
        assert failure.cause == failures.NO_HANDLER
        assert "the archive holds weights.bin, code/train.py" in failure.message
        assert "set SAGEMAKER_PROGRAM to the script of code/ that serves" in failure.message

    def test_an_empty_archive(self, tmp_path: Path) -> None:
        assert "the archive holds no file" in fails(tmp_path).message

    def test_a_long_listing_is_cut(self, tmp_path: Path) -> None:
        for number in range(40):
            (tmp_path / f"f{number:02}").touch()
        assert "f11 and 28 more" in fails(tmp_path).message

    def test_a_script_without_model_fn_and_without_model_file(self, tmp_path: Path) -> None:
        failure = fails(tmp_path, "def input_fn(d, c):\n    return d\n")
        assert failure.cause == failures.NO_HANDLER
        assert failure.message.startswith("inference.py defines no model_fn. ")

    def test_a_named_program_that_is_not_there(self, tmp_path: Path) -> None:
        failure = fails(tmp_path, MODEL_FN, SAGEMAKER_PROGRAM="serve.py")
        assert failure.cause == failures.BAD_SCRIPT
        assert "SAGEMAKER_PROGRAM names serve.py, but" in failure.message
        assert "holds inference.py" in failure.message


class TestScripts:
    SCRIPT = "import part\ndef transform_fn(m, d, c, a):\n    return part.NAME\n"

    def test_a_named_program_in_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "code/src").mkdir(parents=True)
        (tmp_path / "code/src/serve.py").write_text(self.SCRIPT)
        (tmp_path / "code/src/part.py").write_text("NAME = 'deep'")
        assert ask(load(tmp_path, SAGEMAKER_PROGRAM="src/serve.py"), b"")[2] == b"deep"

    def test_a_program_named_without_its_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code/serve.py").write_text("def transform_fn(m, d, c, a):\n    return 's'\n")
        assert ask(load(tmp_path, SAGEMAKER_PROGRAM="serve"), b"")[2] == b"s"

    def test_an_empty_program_is_none(self, tmp_path: Path) -> None:
        model = load(
            tmp_path, "def transform_fn(m, d, c, a):\n    return 'i'\n", SAGEMAKER_PROGRAM=""
        )
        assert ask(model, b"")[2] == b"i"

    def test_a_submit_directory_in_s3_means_the_model_s_code(self, tmp_path: Path) -> None:
        model = load(
            tmp_path,
            "def transform_fn(m, d, c, a):\n    return 'i'\n",
            SAGEMAKER_SUBMIT_DIRECTORY="s3://bucket/sourcedir.tar.gz",
        )
        assert ask(model, b"")[2] == b"i"

    def test_a_submit_directory_that_exists(self, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "inference.py").write_text("def transform_fn(m, d, c, a):\n    return 'o'\n")
        (tmp_path / "model").mkdir()
        model = load(tmp_path / "model", SAGEMAKER_SUBMIT_DIRECTORY=str(other))
        assert ask(model, b"")[2] == b"o"

    def test_a_script_beside_the_model(self, tmp_path: Path) -> None:
        (tmp_path / "inference.py").write_text("def transform_fn(m, d, c, a):\n    return 't'\n")
        assert ask(load(tmp_path), b"")[2] == b"t"

    def test_a_script_named_like_a_loaded_module(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code/json.py").write_text("def transform_fn(m, d, c, a):\n    return 'j'\n")
        assert ask(load(tmp_path, SAGEMAKER_PROGRAM="json.py"), b"")[2] == b"j"
        assert sys.modules["json"] is json


class TestAwsPackages:
    """Scripts that import from the packages of AWS's containers."""

    def test_the_scikit_learn_container_s_response(self, tmp_path: Path) -> None:
        model = load(
            tmp_path,
            "import json\n"
            "from sagemaker_containers.beta.framework import (\n"
            "    content_types, encoders, env, modules, transformer, worker)\n"
            "def model_fn(d):\n    return 1\n"
            "def predict_fn(data, model):\n    return [1, 2]\n"
            "def output_fn(prediction, accept):\n"
            "    if accept == content_types.CSV:\n"
            "        return worker.Response(encoders.encode(prediction, accept), mimetype=accept)\n"
            "    return worker.Response(json.dumps(prediction), accept, mimetype=accept)\n",
        )
        assert ask(model, b"1") == (200, ["application/json"], b"[1, 2]")
        assert ask(model, b"1", "", "text/csv") == (200, ["text/csv"], b"1\n2\n")
        assert ask(model, b"1", "", "image/png")[1] == ["image/png"]

    def test_a_response_with_an_error_s_status(self, tmp_path: Path) -> None:
        model = load(
            tmp_path,
            "from sagemaker_containers.beta.framework import worker\n"
            "def transform_fn(m, d, c, a):\n    return worker.Response('no rows', status=422)\n",
        )
        status, meta, body = ask(model, b"1")
        assert (status, meta[3], body) == (422, "no rows", b"no rows")

    def test_the_inference_toolkit_s_errors_carry_their_status(self, tmp_path: Path) -> None:
        model = load(
            tmp_path,
            "from sagemaker_inference import content_types, decoder, encoder, errors\n"
            "from sagemaker_inference.utils import parse_accept\n"
            "def transform_fn(model, data, kind, accept):\n"
            "    if kind == content_types.CSV:\n"
            "        raise errors.GenericInferenceToolkitError(418, 'a teapot')\n"
            "    return encoder.encode([1], parse_accept(accept)[0])\n",
        )
        assert ask(model, b"1")[::2] == (200, b"[1]")
        assert ask(model, b"1", "text/csv")[0] == 418
        assert ask(model, b"1", "", "image/png")[0] == 415

    def test_a_package_of_the_user_s_own_is_kept(self, tmp_path: Path) -> None:
        own = tmp_path / "code/sagemaker_inference.py"
        own.parent.mkdir()
        own.write_text("NAME = 'own'")
        script = (
            "import sagemaker_inference\n"
            "def transform_fn(m, d, c, a):\n    return sagemaker_inference.NAME\n"
        )
        assert ask(load(tmp_path, script), b"")[2] == b"own"
