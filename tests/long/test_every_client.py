"""Every cell of the matrix of clients, sections and modes, with unmodified clients side by side.

The run writes docs/reference/clients.md; an empty cell fails it.
"""

import traceback
from collections.abc import Iterator
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

Lanes: TypeAlias = dict[tuple[str, str], Future[dict[Cell, str]]]
"""By client and mode."""

AT_ONCE = 8
"""Most of a lane's time its client sleeps."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler(bootstrap=False) as running:
        yield running


@pytest.fixture(scope="module")
def lanes(
    server: Running, iris_archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lanes]:
    """What goes wrong in each lane's cells: under way, each to be waited for by its own tests."""
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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {(lane.client.key, lane.mode.value): pool.submit(drive, lane) for lane in made}


def drive(lane: Lane) -> dict[Cell, str]:
    outcomes = {}
    environment = lane.environment()
    for section in SECTIONS:
        cell = (section, lane.client.key, lane.mode.value)
        if cell in CANNOT:
            continue
        try:
            judge(lane, section, lane.run(section, environment))
        except Exception:  # noqa: BLE001 (whatever it is, it is that cell's)
            outcomes[cell] = traceback.format_exc(limit=3)
        else:
            outcomes[cell] = ""
    return outcomes


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in CANNOT], ids=" ".join)
def test_a_cell(lanes: Lanes, cell: Cell, server: Running) -> None:
    wrong = lanes[cell[1:]].result()[cell]
    assert not wrong, f"{wrong}\n{server.process_logs()}"


def test_the_page_says_what_this_run_found(lanes: Lanes) -> None:
    outcomes = {cell: wrong for lane in lanes.values() for cell, wrong in lane.result().items()}
    filled = {cell for cell, wrong in outcomes.items() if not wrong}
    PAGE.write_text(client_matrix.page(filled))
    assert filled == set(CELLS) - set(CANNOT)
