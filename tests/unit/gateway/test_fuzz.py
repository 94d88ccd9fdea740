"""The fuzzer's short form, and that it sees: `make fuzz SECONDS=600` looks for longer."""

from collections.abc import Callable

import pytest

import fuzz
from hostler.aws import sigv4
from hostler.gateway import head
from hostler.gateway.link import Link

SEED = 1
BUDGET = {"http": 250, "frames": 250, "sigv4": 3000}


def first(target: str, budget: int) -> int | None:
    """The number of the first example that fails."""
    return next(fuzz.numbers(target, SEED, lambda number: number < budget), None)


@pytest.mark.parametrize("target", BUDGET)
def test_a_fixed_budget_finds_nothing(target: str) -> None:
    found = first(target, BUDGET[target])
    assert found is None, fuzz.report(target, SEED, found)


def _passes_every_head(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(head, "problem", lambda _head, _limits: None)


def _forgets_cut_frames(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Link, "data_received", lambda self, data: self._frames(data))


def _accepts_every_signature(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(sigv4, "_signed", lambda *_: True)


@pytest.mark.parametrize(
    ("target", "plant"),
    [
        ("http", _passes_every_head),
        ("frames", _forgets_cut_frames),
        ("sigv4", _accepts_every_signature),
    ],
)
def test_planted_defects_are_found(
    target: str, plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    found = first(target, BUDGET[target])
    assert found is not None
    assert f"again: make fuzz TARGET={target} SEED={SEED} EXAMPLE={found}" in fuzz.report(
        target, SEED, found
    )
