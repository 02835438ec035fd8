"""How build pods ask for tokens of the bundled registry."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed import config
from trainshed.granting import desk, signing


def for_pods(settings: config.Settings, *, namespace: str, ca_pem: str) -> Mapping[str, str] | None:
    """Return where and how they ask an operator in a namespace; None without a bundled registry."""
    if not settings.registry.bundled.enabled:
        return None
    host = f"{settings.progress.service}.{namespace}.svc:{settings.progress.port}"
    return {"url": f"https://{host}{desk.PATH}", "service": signing.SERVICE, "ca": ca_pem}
