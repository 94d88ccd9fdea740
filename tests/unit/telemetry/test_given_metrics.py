"""The table of the metrics that are given is what is written, and what the pages say."""

import pytest

import given_metrics
import pages
from hostler.telemetry import endpoint_metrics

PAGES = "".join((pages.HOW_TO / f"{page}.md").read_text() for page in ("metrics", "serverless"))


def test_every_metric_that_is_written_is_in_the_table() -> None:
    known = given_metrics.OF_INSTANCES.keys() | given_metrics.OF_SERVERLESS.keys()
    assert known >= {
        *endpoint_metrics.COUNTED,
        endpoint_metrics.CONCURRENT,
        endpoint_metrics.UTILIZATION,
        endpoint_metrics.PROVISIONED_EXECUTIONS,
        endpoint_metrics.PROVISIONED_UTILIZATION,
        endpoint_metrics.PROVISIONED_INVOCATIONS,
        endpoint_metrics.SPILLOVER,
    }


@pytest.mark.parametrize(
    "name",
    [
        *given_metrics.OF_INSTANCES,
        *given_metrics.OF_SERVERLESS,
        *given_metrics.OF_USE,
        *given_metrics.OF_GPUS,
        *given_metrics.NOT_GIVEN,
    ],
)
def test_the_pages_name_it(name: str) -> None:
    short = name.removeprefix("ServerlessProvisionedConcurrency")
    assert name in PAGES or f"…{short}" in PAGES
