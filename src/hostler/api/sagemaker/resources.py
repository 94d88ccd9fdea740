"""The resources of SageMaker hosting: their ARNs, and AWS's sentences about them.

Invariant: the texts are AWS's to the letter; clients (waiters, Terraform) search in them.
"""

from dataclasses import dataclass

from hostler.api.registry import Call
from hostler.domain.errors import CallerError, validation
from hostler.domain.ids import Arn, sagemaker_arn


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: its part of the ARN, and what AWS calls it in a sentence."""

    arn_part: str
    noun: str

    def arn(self, call: Call, name: str) -> Arn:
        """The ARN of a name in the caller's account and region."""
        return sagemaker_arn(call.region, call.account, self.arn_part, name)

    def missing(self, arn: str) -> CallerError:
        """Nothing of this kind has the ARN."""
        return validation(f'Could not find {self.noun} "{arn}".')

    def taken(self, arn: str) -> CallerError:
        """The name is in use."""
        return validation(f'Cannot create already existing {self.noun} "{arn}".')


MODEL = Kind("model", "model")
CONFIG = Kind("endpoint-config", "endpoint configuration")
ENDPOINT = Kind("endpoint", "endpoint")
KINDS = {kind.arn_part: kind for kind in (MODEL, CONFIG, ENDPOINT)}
