"""What gateways leave word of, and who reads it."""

import fcntl
import os
from pathlib import Path

import pytest

from gateway_pieces import bench, signed
from gateway_rig import ACCOUNT, REGION
from hostler.control import gateway_gauges
from hostler.domain.gauges import NAME
from hostler.domain.layout import Layout
from hostler.gateway.gauges import Gauges


def opened(layout: Layout, life: str) -> int:
    """The locked folder of a gateway process."""
    folder = layout.gateway_spool(0, life)
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return descriptor


def test_a_living_gateways_word_is_read_and_a_dead_ones_is_not(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with bench() as made:
        made.instance(credit=1)
        for client in (made.client(), made.client()):
            client.sends(signed())
        made.turn()
        folders = [opened(layout, life) for life in ("1-11", "1-12")]
        for folder in folders:
            gauges = Gauges(folder, slot=0)
            gauges.write(gauges.seen(made.gateway))
            assert gauges.seen(made.gateway) == b"", "at rest nothing is written"
    assert len(gateway_gauges.read(layout.spools)) == 2
    os.close(folders[0])
    (found,) = gateway_gauges.read(layout.spools)
    assert (found.slot, found.in_flight, found.connections) == (0, 2, 2)
    assert [tuple(each) for each in found.waiting] == [(ACCOUNT, REGION, "Demo", "AllTraffic", 1)]
    os.close(folders[1])
    assert gateway_gauges.read(layout.spools) == []


@pytest.mark.parametrize("text", ["", "{", '{"v": 2, "slot": 0}', "[]"])
def test_what_is_no_word_of_this_version_is_passed_over(tmp_path: Path, text: str) -> None:
    layout = Layout(tmp_path)
    descriptor = opened(layout, "1-11")
    (layout.gateway_spool(0, "1-11") / NAME).write_text(text)
    assert gateway_gauges.read(layout.spools) == []
    os.close(descriptor)
