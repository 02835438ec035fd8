"""Routes pushes to the leader: the EndpointSlice of a Service that has no selector."""

from __future__ import annotations

import ipaddress
from typing import Any

from trainshed.api import labels
from trainshed.progress import stores

SERVICE_NAME = "kubernetes.io/service-name"
SLICE_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
PORT_NAME = "https"
ATTEMPTS = 5


class RoutingFailed(Exception):
    """The slice could not be written. The message says what to look for."""


def render(
    *, namespace: str, service: str, address: str, port: int, port_name: str = PORT_NAME
) -> dict[str, Any]:
    """Return the EndpointSlice by which a Service leads to this address alone."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": service,
            "namespace": namespace,
            "labels": {
                SERVICE_NAME: service,
                SLICE_MANAGED_BY: labels.GROUP,
                labels.APP_NAME: labels.MANAGER,
                labels.APP_COMPONENT: "operator",
            },
        },
        "addressType": f"IPv{ipaddress.ip_address(address).version}",
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True, "serving": True, "terminating": False},
            }
        ],
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
    }


async def ensure(
    store: stores.Store,
    *,
    namespace: str,
    service: str,
    address: str,
    port: int,
    port_name: str = PORT_NAME,
) -> bool:
    """Make the Service lead here; return whether anything was written. Only the leader may."""
    wanted = render(
        namespace=namespace, service=service, address=address, port=port, port_name=port_name
    )
    for _ in range(ATTEMPTS):
        found = await store.get(service)
        if found is None:
            if await store.create(wanted) is not None:
                return True
            continue
        if _leads(found, wanted):
            return False
        metadata = wanted["metadata"] | {"resourceVersion": found["metadata"]["resourceVersion"]}
        if await store.replace(wanted | {"metadata": metadata}) is not None:
            return True
    raise RoutingFailed(
        f"EndpointSlice {namespace}/{service} changes all the time: another process writes it"
    )


def _leads(found: stores.Body, wanted: stores.Body) -> bool:
    """Whether an existing slice says the same; the server adds fields of its own."""
    held = (found.get("metadata") or {}).get("labels") or {}
    marked = all(held.get(name) == value for name, value in wanted["metadata"]["labels"].items())
    endpoints = found.get("endpoints") or []
    addresses = [address for each in endpoints for address in each.get("addresses") or ()]
    ports = [(each.get("name"), each.get("port")) for each in found.get("ports") or ()]
    return (
        marked
        and found.get("addressType") == wanted["addressType"]
        and addresses == wanted["endpoints"][0]["addresses"]
        and ports == [(each["name"], each["port"]) for each in wanted["ports"]]
    )
