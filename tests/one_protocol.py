"""A client that speaks one protocol of a service that has several."""

from typing import Any

import botocore.loaders


class OnlyOne(botocore.loaders.Loader):
    """Models whose services speak one protocol alone, as older and newer SDKs' do."""

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self._protocol = protocol

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            return model
        spoken = {"protocol": self._protocol, "protocols": [self._protocol]}
        return {**model, "metadata": {**model["metadata"], **spoken}}
