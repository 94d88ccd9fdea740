"""What processes tell each other: frames cut from a stream, the health page, the spec, headers."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.modelserver import frames, media, page
from hostler.modelserver.settings import Settings, SettingsError

FRAMES = st.lists(
    st.tuples(st.integers(1, 255), st.integers(0, 2**64 - 1), st.binary(max_size=60)), max_size=20
)


@given(FRAMES, st.lists(st.integers(1, 50), min_size=1))
def test_frames_come_out_whole_however_the_stream_is_cut(
    sent: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(frames.frame(kind, number, payload) for kind, number, payload in sent)
    decoder, read = frames.Decoder(), bytearray(50)
    got, position, turn = [], 0, 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        piece = stream[position : position + size]
        read[: len(piece)] = piece  # over what came before, as a worker reads its sockets
        got += decoder.feed(memoryview(read)[: len(piece)])
        position, turn = position + size, turn + 1
    assert [(kind, number, payload) for kind, _, number, payload in got] == sent


def test_a_frame_above_the_limit_is_refused_before_its_payload_arrives() -> None:
    decoder = frames.Decoder(payload_max=10)
    with pytest.raises(frames.FrameError):
        decoder.feed(frames.HEADER.pack(11, frames.VERSION, frames.PING, 0, 1))


def test_a_page_s_words_are_the_slot_s_fields(tmp_path: Path) -> None:
    path = str(tmp_path / "page")
    page.create(path, 2)
    words = page.writer(page.open_page(path, write=True), 1)
    page.write_state(words, page.READY, 4711)
    words[page.BUSY_SINCE], words[page.CONNECTION] = 2**63, 3
    words[page.LAST_TAKEN], words[page.SERVED] = 4, 5
    seen = page.open_page(path)
    version, state, *others, since = page.read(seen, 1)
    assert (version, state, *others) == (page.VERSION, page.READY, 2**63, 3, 4, 5, 4711)
    assert 0 <= time.monotonic() - since < 5
    assert set(page.read(seen, 0)) == {0}


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("application/json", media.JSON),
        ("text/csv;q=0.5, application/x-npy", media.NPY),
        ("text/csv, application/json", media.CSV),
        ("image/png, */*;q=0.1", media.JSON),
        ("text/*", media.CSV),
        ("APPLICATION/X-NPZ", media.NPZ),
        ("application/json;q=zero", ""),
        ("application/json;q=0, text/csv;q=0.1", media.CSV),
        ("image/png", ""),
    ],
)
def test_the_answer_s_form_is_the_caller_s_first_choice_of_ours(accept: str, chosen: str) -> None:
    assert media.choose(accept) == chosen


class TestSettings:
    @pytest.mark.parametrize(
        ("asked", "machine", "expected"),
        [
            ("", (4, 2), (2, 1)),
            ("", (2, 8), (2, 1)),
            ("1", (4, 8), (1, 4)),
            ("3", (4, 2), (3, 1)),
            ("0", (4, 2), (1, 2)),
            ("many", (1, 2), (1, 1)),
            ("9999", (4, 2), (page.SLOTS_MAX, 1)),
            ("\u00b2", (4, 2), (2, 1)),  # a digit to str.isdigit, and nothing to int
            ("9" * 5000, (4, 2), (2, 1)),
        ],
    )
    def test_workers_and_their_threads(
        self, asked: str, machine: tuple[int, int], expected: tuple[int, int]
    ) -> None:
        vcpus, cores = machine
        settings = Settings.from_spec(
            {
                "socket_dir": "/s",
                "vcpus": vcpus,
                "cores": cores,
                "environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": asked},
            }
        )
        assert (settings.workers, settings.threads) == expected
        assert settings.variables()["OMP_NUM_THREADS"] == str(expected[1])
        assert settings.variables()["SAGEMAKER_MODEL_SERVER_WORKERS"] == str(expected[0])

    @pytest.mark.parametrize(
        ("environment", "workers"),
        [
            ({"SAGEMAKER_TS_MIN_WORKERS": "6"}, 6),
            ({"SAGEMAKER_TS_MAX_WORKERS": "2"}, 2),
            ({"SAGEMAKER_TS_MAX_WORKERS": "9"}, 4),
            ({"SAGEMAKER_TS_MIN_WORKERS": "3", "SAGEMAKER_TS_MAX_WORKERS": "3"}, 3),
            ({"SAGEMAKER_TS_MIN_WORKERS": "6", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}, 1),
            ({"SAGEMAKER_TS_MAX_WORKERS": "0"}, 4),
        ],
    )
    def test_the_bounds_of_torchserve_hold_where_no_number_is_given(
        self, environment: dict[str, str], workers: int
    ) -> None:
        settings = Settings(socket_dir="/s", vcpus=4, cores=8, environment=environment)
        assert settings.workers == workers

    @pytest.mark.parametrize("prefix", ["MODEL_SERVER_TIMEOUT", "TS_RESPONSE_TIMEOUT"])
    def test_a_longer_time_for_requests_is_granted_and_no_shorter_one(self, prefix: str) -> None:
        for asked, granted in (("30", 60), ("90", 90), ("", 60), ("x", 60)):
            settings = Settings(socket_dir="/s", environment={f"SAGEMAKER_{prefix}": asked})
            assert settings.request_limit_s == granted

    def test_a_newer_control_s_fields_are_left_alone(self) -> None:
        spec = {"version": 1, "socket_dir": "/s", "newer": 1, "environment": {"A": 1}}
        assert Settings.from_spec(spec).environment == {"A": "1"}

    @pytest.mark.parametrize("spec", [{}, {"version": 2, "socket_dir": "/s"}])
    def test_a_spec_that_cannot_be_read(self, spec: dict[str, object]) -> None:
        with pytest.raises(SettingsError):
            Settings.from_spec(spec)

    def test_the_user_s_variables_win_and_empty_ones_do_not_count(self) -> None:
        settings = Settings(
            socket_dir="/s",
            environment={"OMP_NUM_THREADS": "9", "SAGEMAKER_PROGRAM": "", "SAGEMAKER_REGION": "x"},
        )
        variables = settings.variables()
        assert variables["OMP_NUM_THREADS"] == "9"
        assert variables["SAGEMAKER_PROGRAM"] == "inference.py"
        assert variables["SAGEMAKER_REGION"] == "x"
        assert variables["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"
