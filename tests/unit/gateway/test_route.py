"""The table: finding, and picking by weight."""

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from gateway_rig import ACCOUNT, REGION
from hostler.domain.snapshot import EndpointRoute, VariantRoute
from hostler.gateway import chain, route
from hostler.gateway.gateway import invoked
from hostler.gateway.pool import Pool
from hostler.gateway.record import Counters


def table(*weights: float, name: str = "Demo") -> route.RouteTable:
    variants = tuple(
        VariantRoute(f"V{number}", weight, ()) for number, weight in enumerate(weights)
    )
    routes = (EndpointRoute(ACCOUNT, REGION, name, "arn", variants),)
    return route.build(routes, lambda *_: (Pool(chain.reroute), Counters()))


def picks(endpoint: route.Endpoint, draws: int = 1000) -> Counter[str]:
    return Counter(endpoint.pick(lambda n=n: n / draws).name for n in range(draws))


def of_deployments(*variants):
    """An endpoint whose pools are called by their deployments."""
    routes = (EndpointRoute(ACCOUNT, REGION, "Demo", "arn", variants),)
    made = route.build(routes, lambda _, each: (each.deployment, Counters()))
    endpoint = made.find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    return endpoint


def test_names_are_found_as_given_at_creation_in_their_account_and_region():
    made = table(1.0)
    assert made.find(ACCOUNT, REGION, "Demo") is not None
    assert made.find(ACCOUNT, REGION, "dEMO") is None
    assert made.find("210987654321", REGION, "Demo") is None
    assert made.find(ACCOUNT, "eu-west-1", "Demo") is None


def test_shares_follow_the_weights():
    endpoint = table(1.0, 0.0, 3.0).find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    assert picks(endpoint) == {"V0": 250, "V2": 750}


def test_between_two_deployments_the_shares_hold_for_all_and_for_each_name():
    variants = (
        VariantRoute("A", 0.9, (), deployment="blue", share=0.9),
        VariantRoute("B", 0.0, (), deployment="blue", share=0.9),
        VariantRoute("A", 0.025, (), deployment="green", share=0.1),
        VariantRoute("B", 0.075, (), deployment="green", share=0.1),
    )
    endpoint = of_deployments(*variants)

    def drawn(choice):
        return Counter(
            (each.name, each.pool)
            for each in (choice.pick(lambda n=n: n / 1000) for n in range(1000))
        )

    assert drawn(endpoint) == {("A", "blue"): 900, ("A", "green"): 25, ("B", "green"): 75}
    assert drawn(endpoint.by_name["A"]) == {("A", "blue"): 900, ("A", "green"): 100}
    assert drawn(endpoint.by_name["B"]) == {("B", "blue"): 900, ("B", "green"): 100}


def test_what_lingers_for_its_sessions_gets_nothing_by_weight_or_name():
    variants = (
        VariantRoute("A", 0.0, (), deployment="blue", share=0.0),
        VariantRoute("A", 1.0, (), deployment="green", share=1.0),
    )
    endpoint = of_deployments(*variants)
    for choice in (endpoint, endpoint.by_name["A"]):
        assert {choice.pick(lambda n=n: n / 100).pool for n in range(100)} == {"green"}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=10))
@example([0.0, 5e-324])
@example([5e-324, 0.0])
def test_a_weight_of_zero_is_never_drawn(weights):
    endpoint = table(*weights).find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    drawn = picks(endpoint, 200)
    if sum(weights) > 0 and len(weights) > 1:
        assert not {f"V{n}" for n, weight in enumerate(weights) if weight == 0} & set(drawn)
    else:
        assert set(drawn) == {"V0"}


def test_an_endpoint_without_variants_is_not_routed():
    assert table().find(ACCOUNT, REGION, "Demo") is None


def test_runtime_paths_are_told_from_others():
    assert invoked("/endpoints/Demo/invocations") == ("Demo", "InvokeEndpoint")
    assert invoked("/endpoints/De%6do/invocations?x=1") == ("Demo", "InvokeEndpoint")
    assert invoked("/endpoints/d/async-invocations") == ("d", "InvokeEndpointAsync")
    for other in (
        "/",
        "/endpoints/Demo",
        "/endpoints/Demo/invocations/",
        "/endpoints/a/b/invocations",
        "/bucket/endpoints/Demo/invocations",
    ):
        assert invoked(other) is None
