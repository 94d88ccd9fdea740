"""Models that are to be made ready before an endpoint asks for them; a key is a model's ARN.

Invariant: a row is a request, not a record. It goes when it was tried, whatever came of it, and
with its model; losing one costs an instance the time that it would have saved.
"""

import msgspec
from sqlalchemy import Column, LargeBinary, String, Table, bindparam, delete, insert, select

from hostler.domain.ids import Arn
from hostler.domain.model import Model
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

_preparations = Table(
    "preparations",
    metadata,
    Column("arn", String, primary_key=True),
    Column("model", LargeBinary, nullable=False),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Model).decode

# Built once: they run at each resync.
_KEYS = select(_preparations.c.arn).order_by(_preparations.c.arn)
_GET = select(_preparations.c.model).where(_preparations.c.arn == bindparam("arn"))


def ask(tx: Transaction, arn: Arn, model: Model) -> None:
    """Ask for a model to be made ready, instead of an earlier one of its name."""
    withdraw(tx, arn)
    tx.execute(insert(_preparations).values(arn=arn, model=_encode(model)))


def get(tx: Transaction, arn: Arn) -> Model | None:
    """What is to be made ready under a key, if it is still wanted."""
    body = tx.execute(_GET, {"arn": arn}).scalar_one_or_none()
    return None if body is None else _decode(body)


def keys(tx: Transaction) -> list[Arn]:
    """Every key that waits."""
    return [Arn(arn) for arn in tx.execute(_KEYS).scalars()]


def withdraw(tx: Transaction, arn: Arn) -> None:
    """The model is gone: nothing is to be made ready."""
    tx.execute(delete(_preparations).where(_preparations.c.arn == arn))


def settle(tx: Transaction, arn: Arn, model: Model) -> None:
    """It was tried with this model; a later request under the same name stays."""
    tx.execute(
        delete(_preparations).where(
            _preparations.c.arn == arn, _preparations.c.model == _encode(model)
        )
    )
