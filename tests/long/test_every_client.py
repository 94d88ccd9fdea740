"""Every cell of the matrix of clients, sections and modes, with unmodified clients side by side.

The run writes docs/reference/clients.md; an empty cell fails it.
"""

import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

import pytest

import client_matrix
from client_judge import judge
from client_matrix import CANNOT, CELLS, CLIENTS, MODEL, PAGE, SECTIONS, Cell, Lane, Mode
from frameworks import framework_python
from hostler.cli.keyring import KeyRing
from hostler.cli.output import connect
from hostler.toolkit import bootstrap
from running import Running, hostler

Outcomes: TypeAlias = Mapping[Cell, Future[str]]
"""What goes wrong in each cell."""

AT_ONCE = 8
"""Most of a lane's time its client sleeps."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler(bootstrap=False) as running:
        yield running


@pytest.fixture(scope="module")
def outcomes(
    server: Running, iris_archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcomes]:
    """Under way, lane by lane in the order of the cells: each test waits for its own cell."""
    network = client_matrix.network(framework_python("pytorch"), tmp_path_factory.mktemp("net"))
    folder = tmp_path_factory.mktemp("lanes")
    made = [
        Lane(client, mode, server, folder / f"{client.key}-{mode}")
        for client in CLIENTS
        for mode in Mode
    ]
    root, keys = connect(server.home), KeyRing(server.home)
    for lane in made:
        project = bootstrap.bootstrap(replace(root, region=lane.region), keys, lane.project)
        lane.prepare(project, {MODEL: iris_archive, "net": network})
    found: Outcomes = {cell: Future() for cell in CELLS if cell not in CANNOT}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for lane in made:
            pool.submit(drive, lane, found)
        yield found


def drive(lane: Lane, outcomes: Outcomes) -> None:
    """Fill a lane's cells, one after another."""
    environment: Mapping[str, str] | None = None
    for section in SECTIONS:
        cell = (section, lane.client.key, lane.mode.value)
        if cell in CANNOT:
            continue
        try:
            environment = environment or lane.environment()
            judge(lane, section, lane.run(section, environment))
        except Exception:  # noqa: BLE001 (whatever it is, it is that cell's)
            outcomes[cell].set_result(traceback.format_exc(limit=3))
        else:
            outcomes[cell].set_result("")


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in CANNOT], ids=" ".join)
def test_a_cell(outcomes: Outcomes, cell: Cell, server: Running) -> None:
    wrong = outcomes[cell].result()
    assert not wrong, f"{wrong}\n{server.process_logs()}"


def test_the_page_says_what_this_run_found(outcomes: Outcomes) -> None:
    filled = {cell for cell, future in outcomes.items() if not future.result()}
    PAGE.write_text(client_matrix.page(filled))
    assert filled == outcomes.keys()
