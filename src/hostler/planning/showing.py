"""What others are shown of an endpoint: the gateways its route, DescribeEndpoint its variants.

Invariant: both are computed from the same fleets in the same moment, and only instances that are
ready appear in a route.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from hostler.domain.endpoint import (
    DeployedImage,
    Endpoint,
    EndpointStatus,
    EndpointView,
    Rollout,
    RolloutStage,
    Routing,
    Size,
    Variant,
    VariantState,
    VariantView,
)
from hostler.domain.ids import DeploymentId
from hostler.domain.moments import to_second
from hostler.domain.reasons import replacement
from hostler.domain.snapshot import EndpointRoute, TargetRoute, VariantRoute
from hostler.modelserver import page
from hostler.planning import traffic
from hostler.planning.course import TURNING, Course
from hostler.planning.fleet import Fleet, Member
from hostler.planning.sizing import mirrored, size
from hostler.planning.traffic import Part

_STAGES: Mapping[RolloutStage, tuple[str, str]] = {
    RolloutStage.PROVISIONING: ("Creating", "Starting the new instances."),
    RolloutStage.SWITCHING: ("ActivatingTraffic", "Turning traffic to the new instances."),
    RolloutStage.BAKING: ("Baking", "Watching the new instances before the next step."),
    RolloutStage.TERMINATING: ("Updating", "Keeping the instances of the previous configuration."),
    RolloutStage.RETREATING: ("Deleting", "Giving the traffic back to the previous configuration."),
    RolloutStage.DRAINING: ("Updating", "Stopping the instances of the previous configuration."),
    RolloutStage.ROLLING_BACK: ("Deleting", "Stopping the instances of the new configuration."),
    RolloutStage.GROWING: ("Updating", "Starting the instances that were asked for."),
    RolloutStage.SHRINKING: ("Updating", "Turning the traffic to the weights and instances."),
    RolloutStage.RESTORING: ("Updating", "Stopping the instances that could not all be started."),
}
_OF_WHAT_SERVES = frozenset(
    {
        RolloutStage.DRAINING,
        RolloutStage.GROWING,
        RolloutStage.SHRINKING,
        RolloutStage.RESTORING,
    }
)
"""Stages in which it is the serving deployment that changes."""


def route(endpoint: Endpoint, parts: Sequence[Part], tags: Mapping[str, str]) -> EndpointRoute:
    """The endpoint as the gateways are to see it, served by these fleets."""
    weights = traffic.weights(parts)
    replacing = endpoint.current is not None and endpoint.target != endpoint.current
    replacing = replacing or endpoint.beside is not None
    main = traffic.mainly(parts)
    return EndpointRoute(
        account=endpoint.account,
        region=endpoint.region,
        name=endpoint.name,
        arn=endpoint.arn,
        variants=tuple(
            _variant_route(part, variant, weights, replacing=replacing)
            for part in parts
            for variant in part.fleet.deployment.variants
            if not variant.shadow
        ),
        tags=dict(tags),
        id=endpoint.id,
        shadows=tuple(
            _variant_route(main, variant, weights, replacing=replacing)
            for variant in main.fleet.deployment.variants
            if variant.shadow
        ),
        mirrored=mirrored(main.fleet.deployment),
    )


def _variant_route(
    part: Part, variant: Variant, weights: traffic.Weights, *, replacing: bool
) -> VariantRoute:
    run = part.fleet.deployment
    return VariantRoute(
        name=variant.name,
        weight=weights[run.id, variant.name],
        targets=tuple(_target(member) for member in part.fleet.ready(variant)),
        container=variant.model.container.hostname,
        at_random=variant.routing is Routing.RANDOM,
        max_concurrency=variant.serverless.max_concurrency if variant.serverless else 0,
        provisioned=variant.serverless.provisioned if variant.serverless else 0,
        deployment=run.id,
        share=part.share,
        config=run.config_name if replacing else "",
    )


def _target(member: Member) -> TargetRoute:
    """An instance's sockets; its health page lies beside them."""
    seen = member.seen
    beside = PurePosixPath(seen.sockets[0]).parent / page.FILE_NAME if seen.sockets else ""
    return TargetRoute(seen.instance_id, seen.sockets, str(beside))


def view(
    endpoint: Endpoint,
    fleets: Mapping[DeploymentId, Fleet],
    parts: Sequence[Part],
    course: Course | None = None,
    *,
    before: EndpointView | None = None,
) -> EndpointView:
    """The endpoint as DescribeEndpoint tells of it.

    ``before`` is what was last told: an image that serves is shown while its variant sleeps, too.
    """
    serving = fleets.get(endpoint.current) if endpoint.current is not None else None
    coming = None
    if endpoint.target != endpoint.current and endpoint.target is not None:
        coming = fleets.get(endpoint.target)
    if endpoint.status in (EndpointStatus.FAILED, EndpointStatus.DELETING):
        coming = None
    shares = {part.fleet.deployment.id: part.share for part in parts}
    old, new = (_states(endpoint, course, coming=each) for each in (False, True))
    asked = endpoint.asked or {}
    return EndpointView(
        variants=_remembering(
            _variants(serving, shares, old, asked, deleting=endpoint.deleting), before
        ),
        pending=_variants(coming, shares, new, {}, deleting=endpoint.deleting),
        pending_config=coming.deployment.config_name if coming else None,
    )


def _remembering(
    variants: tuple[VariantView, ...], before: EndpointView | None
) -> tuple[VariantView, ...]:
    """The variants, those that sleep with the images that they were last shown with."""
    known = {each.name: each.images for each in before.variants} if before else {}
    return tuple(
        replace(each, images=known.get(each.name, ()))
        if each.serverless and not each.images
        else each
        for each in variants
    )


def _variants(
    fleet: Fleet | None,
    shares: Mapping[DeploymentId, float],
    states: tuple[VariantState, ...],
    asked: Mapping[str, Size],
    *,
    deleting: bool,
) -> tuple[VariantView, ...]:
    if fleet is None:
        return ()
    share = shares.get(fleet.deployment.id, 0.0)
    return tuple(
        VariantView(
            name=variant.name,
            current_weight=variant.weight * share,
            desired_weight=size(variant, asked).weight,
            current_count=0 if variant.serverless else len(fleet.ready(variant)),
            desired_count=0 if variant.serverless else size(variant, asked).count,
            images=_images(fleet, variant),
            statuses=(*states, *(() if deleting else _missing(fleet, variant))),
            routing=variant.routing,
            serverless=variant.serverless,
            desired_serverless=size(variant, asked).serverless,
            shadow=variant.shadow,
        )
        for variant in fleet.deployment.variants
    )


def _states(endpoint: Endpoint, course: Course | None, *, coming: bool) -> tuple[VariantState, ...]:
    """VariantStatus: of both sides of a change while it lasts, else nothing."""
    if endpoint.deleting:
        return (VariantState("Deleting", "Deleting the endpoint.", endpoint.modified),)
    rollout = endpoint.rollout
    if rollout is None:
        return ()
    if coming or rollout.stage in _OF_WHAT_SERVES:
        status, message = _STAGES[rollout.stage]
        if course is not None and rollout.stage in TURNING:
            message = f"{_step(course, rollout)} {message}"
        return (VariantState(status, message, rollout.since),)
    return (VariantState("Updating", "Serving until the change is done.", rollout.since),)


def _step(course: Course, rollout: Rollout) -> str:
    """Which step it is, what it gives the new deployment, and how long it is watched."""
    share = float(course.share(rollout))
    told = f"Step {rollout.step + 1} of {len(course.shares)}, {share:.4g} of the traffic"
    if rollout.stage is RolloutStage.BAKING:
        told += f", until {to_second(rollout.since + course.wait_s)}"
    return f"{told}."


def _missing(fleet: Fleet, variant: Variant) -> tuple[VariantState, ...]:
    """VariantStatus of a variant that lacks instances: why the last one ended."""
    ended = [
        (member.record.created, member.record.previous)
        for member in fleet.members
        if member.standing
        and not member.ready
        and member.record.variant_name == variant.name
        and member.record.previous is not None
    ]
    if not ended:
        return ()
    since, last = max(ended, key=lambda each: each[0])
    return (VariantState("Creating", replacement(last), since),)


def _images(fleet: Fleet, variant: Variant) -> tuple[DeployedImage, ...]:
    """The image with the digest of the lock that really serves, as soon as one is known."""
    digests = [
        member.record.digest
        for member in fleet.members
        if member.record.variant_name == variant.name and member.record.digest
    ]
    if not digests:
        return ()
    specified = variant.model.container.image
    resolved = f"{_repository(specified)}@sha256:{digests[0].removeprefix('sha256:')}"
    return (DeployedImage(specified, resolved, fleet.deployment.created),)


def _repository(image: str) -> str:
    """The image without tag or digest; a registry's port stays."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
