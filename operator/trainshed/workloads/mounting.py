"""An image as a volume of the training pod: the base stays as it is, the code is mounted."""

from __future__ import annotations

from typing import Any

from trainshed.api import labels
from trainshed.workloads import commands

_CODE = "/app"
"""Where the code is in the image, which is mounted whole: some clusters ignore a subPath."""


def volumes(image: str) -> list[dict[str, Any]]:
    """Return the volume of an image by digest; none where there is no such image."""
    if not image:
        return []
    # By digest, so a node that has it need not ask for it again.
    source = {"reference": image, "pullPolicy": "IfNotPresent"}
    return [{"name": labels.IMAGE_VOLUME, "image": source}]


def mount(container: dict[str, Any]) -> None:
    """Have a container run what the volume holds."""
    container["command"] = commands.mounted(container["command"])
    container["workingDir"] = f"{commands.IMAGE}{_CODE}"
    container["volumeMounts"].append(
        {"name": labels.IMAGE_VOLUME, "mountPath": commands.IMAGE, "readOnly": True}
    )
