"""What Prometheus is told: the gateways' counts, the instances' use, and Hostler's own state.

Invariant: everything is known already, but for some small files; a scrape asks no database and
nobody who might not answer.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hostler
from hostler.control import gateway_gauges
from hostler.control.metrics import MetricIngest
from hostler.control.publish import Publication
from hostler.control.usage import UsageSampler
from hostler.domain.subject import Subject, subject_of
from hostler.telemetry import exposition
from hostler.telemetry.exposition import Family, Kind
from hostler.telemetry.totals import labels_of

_OF_INSTANCES = {
    "CPUUtilization": ("cpu", "Processor time in percent: 100 for each core that is busy."),
    "MemoryUtilization": ("memory", "Memory in percent of what the instance type has."),
    "DiskUtilization": ("disk", "How full the disk is that the instance's files lie on."),
    "GPUUtilization": ("gpu", "How busy its GPUs are: 100 for each."),
    "GPUMemoryUtilization": ("gpu_memory", "How full its GPUs' memory is: 100 for each."),
}


class Gathering:
    """Gathers the page from those who know.

    Args:
        counted: What the gateways counted.
        used: What instances use.
        publication: Which instances serve.
        spools: Where the gateways leave word.
    """

    def __init__(
        self, counted: MetricIngest, used: UsageSampler, publication: Publication, spools: Path
    ) -> None:
        self._counted = counted
        self._used = used
        self._publication = publication
        self._spools = spools

    def text(self) -> str:
        """The page (blocking: milliseconds)."""
        return exposition.text(self._families())

    def _families(self) -> Iterator[Family]:
        build = Family("hostler_build_info", Kind.GAUGE, "Which Hostler this is.")
        build.add(1, version=hostler.__version__)
        yield build
        yield from self._counted.totals.families()
        yield self._instances()
        yield from self._usage()
        yield from self._gateways()

    def _instances(self) -> Family:
        family = Family("hostler_instances", Kind.GAUGE, "Instances that calls are sent to.")
        for route in tuple(self._publication.routes or ()):
            for variant in route.every_variant:
                subject = subject_of(route, variant)
                family.add(len(variant.targets), **labels_of(subject))
        return family

    def _usage(self) -> Iterator[Family]:
        families = {
            name: Family(f"hostler_instance_{short}_utilization_percent", Kind.GAUGE, means)
            for name, (short, means) in _OF_INSTANCES.items()
        }
        for usage, percents in self._used.percents.values():
            spec = usage.spec
            subject = Subject(spec.account, spec.region, spec.endpoint_name, spec.variant_name)
            for name, percent in percents.items():
                families[name].add(percent, **labels_of(subject), instance=spec.instance_id)
        yield from families.values()

    def _gateways(self) -> Iterator[Family]:
        in_flight = Family(
            "hostler_gateway_requests_in_flight", Kind.GAUGE, "Requests begun and not answered."
        )
        connections = Family("hostler_gateway_connections", Kind.GAUGE, "Clients' connections.")
        generation = Family(
            "hostler_gateway_snapshot_generation", Kind.GAUGE, "The snapshot that is in use."
        )
        reachable = Family(
            "hostler_gateway_instances_reachable", Kind.GAUGE, "Instances that it has in reach."
        )
        waiting = Family(
            "hostler_invocations_waiting", Kind.GAUGE, "Calls in line, at all gateways together."
        )
        lines: Counter[Subject] = Counter()
        told = gateway_gauges.read(self._spools)
        for slot in sorted({each.slot for each in told}):
            # While one takes over from another, both are its slot's.
            both, labels = [each for each in told if each.slot == slot], {"gateway": str(slot)}
            in_flight.add(sum(each.in_flight for each in both), **labels)
            connections.add(sum(each.connections for each in both), **labels)
            generation.add(max(each.generation for each in both), **labels)
            reachable.add(max(each.reachable for each in both), **labels)
        for each in told:
            for *names, number in each.waiting:
                lines[Subject(*names)] += number
        for subject, number in sorted(lines.items()):
            waiting.add(number, **labels_of(subject))
        yield from (in_flight, connections, generation, reachable, waiting)
