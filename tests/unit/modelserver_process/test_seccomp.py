"""The filter of system calls, on machines that it is not written for too."""

import os
import struct
from types import SimpleNamespace

import pytest

from hostler.modelserver import seccomp


@pytest.mark.parametrize(
    ("machine", "known"), [("x86_64", True), ("aarch64", True), ("s390x", False)]
)
def test_a_machine_without_a_filter_is_left_alone_and_known_as_such(
    machine: str, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    assert seccomp.known() is known
    if not known:
        seccomp.refuse_user_namespaces()


def test_a_32_bit_interpreter_on_a_64_bit_kernel_is_not_filtered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    monkeypatch.setattr(struct, "calcsize", lambda _format: 4)
    assert not seccomp.known()
