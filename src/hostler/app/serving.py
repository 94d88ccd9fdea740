"""Which runtime really serves each instance, read from the instances' folders.

Invariant: reads only, and needs no process of ours: the folders say it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from hostler.app.settings import Settings
from hostler.backends.process import configured, observing
from hostler.backends.process.runtimes import (
    GENERIC,
    Image,
    Runtimes,
    UnknownImageError,
    asked_version,
)
from hostler.modelserver import folder


@dataclass(frozen=True, slots=True)
class Serving:
    """One instance: whose it is, its shim's pid, and what runs in it."""

    account: str
    endpoint: str
    region: str
    variant: str
    instance_id: str
    pid: int
    runtime: str
    """As in "scikit-learn 1.9.1", or "scikit-learn 1.9.1, nearest to 1.2-1"."""
    digest: str
    """Of the runtime."""


def instances(settings: Settings) -> Iterator[Serving]:
    """Every instance of the data directory that runs."""
    runtimes = configured.runtimes(settings.config.runtimes)
    for path in sorted(settings.layout.instances.glob("*")):
        spec = observing.read_spec(path)
        if spec is None:
            continue
        try:
            directory = folder.open_folder(str(path))
        except OSError:
            continue
        try:
            launched, shim = observing.read_launch(directory), observing.read_shim(directory)
        except (OSError, KeyError, ValueError):
            continue  # too many open files, or of another version
        finally:
            os.close(directory)
        if launched is not None and shim is not None and shim.alive:
            yield Serving(
                account=spec.account,
                endpoint=spec.endpoint_name,
                region=spec.region,
                variant=spec.variant_name,
                instance_id=spec.instance_id,
                pid=shim.pid,
                runtime=served(runtimes, launched.runtime, spec.container.image),
                digest=launched.digest,
            )


def served(runtimes: Runtimes, runtime: str, uri: str) -> str:
    """What serves, with the version that was asked for where that is another one."""
    version_of, _, version = runtime.rpartition(" ")
    tag = Image.parse(uri).tag
    asked = asked_version(tag, version_of)
    try:
        generic = runtimes.for_image(uri).kind == GENERIC
    except UnknownImageError:
        generic = True
    wanted = asked.split(".")
    if generic or not asked or version.split(".")[: len(wanted)] == wanted:
        return runtime
    return f"{runtime}, nearest to {tag}"
