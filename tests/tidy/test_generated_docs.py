"""What documents say of the code is what the code says of itself."""

from pathlib import Path

import pytest
from tools.generate_docs import documents

import client_matrix


@pytest.mark.parametrize("path", list(documents()), ids=lambda path: path.name)
def test_a_generated_document_is_current(path: Path) -> None:
    assert path.read_text() == documents()[path], "run `make docs`"


def test_the_page_of_clients_has_no_empty_cell_and_the_locks_versions() -> None:
    every = set(client_matrix.CELLS) - set(client_matrix.CANNOT)
    assert client_matrix.PAGE.read_text() == client_matrix.page(every), "run `make conformance`"
