"""Every cell of the matrix of clients, sections and modes, with unmodified clients side by side.

The run writes docs/reference/clients.md; an empty cell fails it.
"""

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import client_matrix
from client_matrix import CANNOT, CELLS, CLIENTS, MODEL, PAGE, SECTIONS, Cell, Lane, Mode
from frameworks import framework_python
from hostler.cli.keyring import KeyRing
from hostler.cli.output import connect
from hostler.toolkit import bootstrap
from running import Running, hostler

AT_ONCE = 5
"""Most of a lane's time its client sleeps."""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler(bootstrap=False) as running:
        yield running


@pytest.fixture(scope="module")
def outcomes(
    server: Running, iris_archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[Cell, str]:
    """What went wrong in each cell, or nothing."""
    network = client_matrix.network(framework_python("pytorch"), tmp_path_factory.mktemp("net"))
    folder = tmp_path_factory.mktemp("lanes")
    lanes = [
        Lane(client, mode, server, folder / f"{client.key}-{mode}")
        for client in CLIENTS
        for mode in Mode
    ]
    root, keys = connect(server.home), KeyRing(server.home)
    for lane in lanes:
        made = bootstrap.bootstrap(replace(root, region=lane.region), keys, lane.project)
        lane.prepare(made, {MODEL: iris_archive, "net": network})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [outcome for lane in pool.map(drive, lanes) for outcome in lane.items()]
    return dict(found)


def drive(lane: Lane) -> dict[Cell, str]:
    outcomes = {}
    environment = lane.environment()
    for section in SECTIONS:
        cell = (section, lane.client.key, lane.mode.value)
        if cell in CANNOT:
            continue
        try:
            lane.judge(section, lane.run(section, environment))
        except Exception:  # noqa: BLE001 (whatever it is, it is that cell's)
            outcomes[cell] = traceback.format_exc(limit=3)
        else:
            outcomes[cell] = ""
    return outcomes


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in CANNOT], ids=" ".join)
def test_a_cell(outcomes: dict[Cell, str], cell: Cell, server: Running) -> None:
    assert not outcomes[cell], f"{outcomes[cell]}\n{server.process_logs()}"


def test_the_page_says_what_this_run_found(outcomes: dict[Cell, str]) -> None:
    filled = {cell for cell, wrong in outcomes.items() if not wrong}
    PAGE.write_text(client_matrix.page(filled))
    assert filled == set(CELLS) - set(CANNOT)
