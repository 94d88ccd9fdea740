"""Bucket policies: put, shown, removed; ``guard`` decides by them.

Invariant: a policy that is kept is one that S3 would keep: readable, and about its own bucket. It
is in force from the first request that begins after the answer. A public one is refused, as every
bucket here blocks public access (``constants``).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from hostler.api.s3.call import Reply, Room, S3Call
from hostler.api.s3.errors import access_denied, error
from hostler.api.s3.guard import bucket_of
from hostler.domain.errors import CallerError
from hostler.domain.ids import bucket_arn
from hostler.iam import document
from hostler.iam.grammar import Document, Kind
from hostler.iam.public import is_public
from hostler.store import objects
from hostler.store.database import Transaction

POLICY_BYTES_MAX = 20 << 10


async def get_bucket_policy(room: Room, call: S3Call) -> Reply:
    """The policy's text as it was put."""

    def read(tx: Transaction) -> str | None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        text: str | None = objects.setting(tx, call.bucket, objects.POLICY)
        return text

    text = await room.store.read(read)
    if text is None:
        raise error(
            "NoSuchBucketPolicy", "The bucket policy does not exist", BucketName=call.bucket
        )
    return Reply({"Policy": text}, headers=(("content-type", "application/json"),))


async def put_bucket_policy(room: Room, call: S3Call) -> Reply:
    """Replace the policy."""
    text = call.params.get("Policy") or ""
    if len(text.encode()) > POLICY_BYTES_MAX:
        raise _malformed(f"Policy exceeds the maximum allowed document size of {POLICY_BYTES_MAX}.")
    try:
        read = document.parse(text, Kind.BUCKET)
    except CallerError as refusal:
        raise _malformed(refusal.message) from refusal
    _check_resources(read, room.guard.region, call.bucket)
    if is_public(read):
        raise access_denied(
            f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on "
            f'resource: "{bucket_arn(room.guard.region, call.bucket)}" because public policies are '
            "blocked by the BlockPublicPolicy block public access setting."
        )
    await _set(room, call, text)
    return Reply(status=204)


def _check_resources(policy: Document, region: str, bucket: str) -> None:
    arn = bucket_arn(region, bucket)
    for statement in policy.statements:
        for resource in statement.resources + statement.not_resources:
            if resource != arn and not resource.startswith(f"{arn}/"):
                raise _malformed(f"Policy has invalid resource ({resource})")


async def delete_bucket_policy(room: Room, call: S3Call) -> Reply:
    """Remove the policy; one that is not there is as good as removed."""
    await _set(room, call, None)
    return Reply()


async def _set(room: Room, call: S3Call, text: str | None) -> None:
    def write(tx: Transaction) -> None:
        bucket_of(tx, call.asked, call.bucket, call.params.get("ExpectedBucketOwner"))
        objects.set_setting(tx, call.bucket, objects.POLICY, text)

    await room.store.write(write)


def _malformed(message: str) -> CallerError:
    return error("MalformedPolicy", message)
