"""What is measured of endpoints in the control process, and what follows from it.

Invariant: one of it in a control process: metrics, alarms and capacities have one writer each.
"""

from collections.abc import Callable
from pathlib import Path

from hostler.api.scraping import Scrape
from hostler.app.alarms import Alarms
from hostler.app.scaling import Scaling
from hostler.app.settings import Settings
from hostler.backends.process.usage import ProcessUsage
from hostler.control.differences import Differences
from hostler.control.exposition import Gathering
from hostler.control.metrics import MetricIngest
from hostler.control.plane import ControlPlane
from hostler.control.usage import UsageSampler
from hostler.domain.ports import Clock
from hostler.store.database import Store


class Metering:
    """Metrics of calls and of instances, the alarms on them, and scaling by those.

    Args:
        settings: Of this Hostler.
        stores: The databases of control, of the logs and of the metrics.
        clock: When it is.
        plane: Whose endpoints they are.
        gateways: How many gateways are connected.
    """

    def __init__(
        self,
        settings: Settings,
        stores: tuple[Store, Store, Store],
        clock: Clock,
        plane: ControlPlane,
        gateways: Callable[[], int],
    ) -> None:
        layout = settings.layout
        store, logs, metrics = stores
        differences = Differences(logs, clock)
        ingest = MetricIngest(
            metrics,
            layout,
            clock,
            lambda: plane.publication.routes,
            tell=differences.tell,
            gateways=gateways,
        )
        self.counted = ingest.counted
        """Until when all calls are known."""
        used = UsageSampler(metrics, ProcessUsage(layout), clock)
        scaling = Scaling(store, metrics, clock, plane.wake, lambda: settings.config.quotas)
        alarms = Alarms(
            store,
            metrics,
            clock,
            settings,
            caught_up=ingest.caught_up,
            further={"autoscaling": scaling.act},
        )
        self.wake = alarms.waking(scaling.waking(plane.wake))
        """Wakes alarms, scalable targets and endpoints by their keys."""
        gathering = Gathering(ingest, used, plane.publication, layout.spools)
        token_file = settings.config.prometheus.token_file
        token = Path(token_file).read_text if token_file else None
        self.scrape = Scrape(gathering.text, token)
        """What Prometheus reads, and the token that it must bring."""
        self.parts = (ingest, used, alarms, scaling, differences)
        """What runs beside the API."""
