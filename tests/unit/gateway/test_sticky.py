"""The same value of a header to the same variant, and what a change of weights moves."""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, bench, parsed, signed
from gateway_rig import ACCOUNT, REGION, snapshot_of
from hostler.domain.snapshot import EndpointRoute, VariantRoute
from hostler.gateway.sticky import choose

VALUES = [f"user-{number}" for number in range(4000)]
WEIGHTS = st.dictionaries(
    st.sampled_from("abcdefghij"), st.floats(0, 1e6), min_size=1, max_size=10
)  # fmt: skip


@example({"a": 0.0, "b": 5e-324}, "")
@given(WEIGHTS, st.text())
def test_a_value_always_goes_to_the_same_variant_and_never_to_one_without_weight(
    weights: dict[str, float], value: str
) -> None:
    chosen = choose(value, weights)
    assert chosen == choose(value, dict(reversed(weights.items()))) or not any(weights.values())
    assert weights[chosen] > 0 or not any(weights.values())


@settings(max_examples=40)
@given(WEIGHTS, st.data())
def test_a_changed_weight_moves_values_to_or_from_its_variant_alone(
    weights: dict[str, float], data: st.DataObject
) -> None:
    changed = data.draw(st.sampled_from(sorted(weights)))
    after = {**weights, changed: data.draw(st.floats(0, 1e6))}
    if not any(weights.values()) or not any(after.values()):
        return
    for value in VALUES[:300]:
        before, now = choose(value, weights), choose(value, after)
        if after[changed] >= weights[changed]:
            assert now in (before, changed)
        else:
            assert before in (now, changed)


@pytest.mark.parametrize(
    "weights", [{"a": 1.0, "b": 1.0}, {"a": 9.0, "b": 1.0}, {"a": 0.2, "b": 0.3, "c": 0.5}]
)
def test_values_are_divided_as_the_weights_say(weights: dict[str, float]) -> None:
    counts = Counter(choose(value, weights) for value in VALUES)
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        spread = (len(VALUES) * share * (1 - share)) ** 0.5
        assert abs(counts[name] - len(VALUES) * share) < 4 * spread


def test_only_the_share_that_must_move_does() -> None:
    before = [choose(value, {"a": 1.0, "b": 1.0}) for value in VALUES]
    after = [choose(value, {"a": 1.0, "b": 3.0}) for value in VALUES]
    moved = sum(one != other for one, other in zip(before, after, strict=True))
    assert abs(moved / len(VALUES) - 0.25) < 0.03


def routed(made: Bench, **tags: str) -> None:
    """Demo with two variants of one instance each, which answer nothing by themselves."""
    variants = tuple(VariantRoute(name, 1.0, ()) for name in ("a", "b"))
    route = EndpointRoute(ACCOUNT, REGION, "Demo", "arn", variants, tags)
    made.gateway.use(snapshot_of((route,)))


def variant_of(made: Bench, **headers: str) -> str:
    """Which variant a request is in line for."""
    endpoint = made.gateway.routes.find(ACCOUNT, REGION, "Demo")
    assert endpoint is not None
    client = made.client()
    client.sends(signed(**headers))
    assert not list(parsed(client.wire.take()))
    (found,) = [each.name for each in endpoint.variants if each.pool.waiting]
    client.leaves()
    return found


def test_requests_with_the_header_stay_and_others_are_divided_by_weight() -> None:
    with bench() as made:
        routed(made, **{"hostler:sticky-header": "X-User"})
        for user in ("ann", "bob", "eve", "kim"):
            expected = choose(user, {"a": 1.0, "b": 1.0})
            assert {variant_of(made, x_user=user) for _ in range(8)} == {expected}
        assert {variant_of(made) for _ in range(40)} == {"a", "b"}
        assert {variant_of(made, x_user="") for _ in range(40)} == {"a", "b"}


@pytest.mark.parametrize("tag", ["", "no header", "Authorization", "x-amz-date"])
def test_without_a_header_that_can_be_used_weights_alone_divide(tag: str) -> None:
    with bench() as made:
        routed(made, **({"hostler:sticky-header": tag} if tag else {}))
        assert {variant_of(made, x_user="ann") for _ in range(40)} == {"a", "b"}


def test_a_target_variant_is_asked_for_by_name_whatever_the_header_says() -> None:
    with bench() as made:
        routed(made, **{"hostler:sticky-header": "x-user"})
        for target in ("a", "b"):
            found = variant_of(made, x_user="ann", x_amzn_sagemaker_target_variant=target)
            assert found == target


def test_the_short_way_keeps_the_variant_of_the_header() -> None:
    with bench() as made:
        routed(made, **{"hostler:sticky-header": "x-user"})
        endpoint = made.gateway.routes.find(ACCOUNT, REGION, "Demo")
        assert endpoint is not None
        client = made.client()
        for user in ("ann", "bob", None):
            client.connection.mould = None
            for _ in range(3):
                client.sends(signed(**({"x_user": user} if user else {})))
                current = client.connection.current
                assert current is not None
                variant = current.variant
                current.answer(b"HTTP/1.1 200 OK\r\n", b"")
            mould = client.connection.mould
            assert mould is not None
            assert mould.way is not None
            assert mould.way.variant is (variant if user else None)
