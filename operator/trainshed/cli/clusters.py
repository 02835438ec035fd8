"""Reads what a cluster has: the operator's settings, code, classes and TrainingJobs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pydantic
import yaml

from trainshed import config
from trainshed.cli import failing
from trainshed.kube import client as clients
from trainshed.kube import errors, kinds, login
from trainshed.kube import transport as transports

SETTINGS = "trainshed-operator"
"""The ConfigMap that the chart makes of its values."""
KEY = "config.yaml"


class Cluster:
    """A cluster by a kubeconfig, of which some kinds are read."""

    def __init__(self, client: clients.Client, *, namespace: str = "default") -> None:
        """Read by a client; `namespace`: that of the kubeconfig's context."""
        self._client = client
        self.namespace = namespace

    async def training_job(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Return a TrainingJob; raises Refused."""
        try:
            return await self._client.get(kinds.TRAINING_JOBS, name=name, namespace=namespace)
        except errors.NotFound as error:
            raise failing.Refused(
                f"there is no TrainingJob {name} in namespace {namespace}: see kubectl get tj -A"
            ) from error
        except errors.ApiError as error:
            raise failing.Refused(
                f"TrainingJob {namespace}/{name} can't be read: {error}", code=1
            ) from error

    async def config_map(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return a ConfigMap, None where there is none; raises Refused."""
        try:
            return await self._client.get(kinds.CONFIG_MAPS, name=name, namespace=namespace)
        except errors.NotFound:
            return None
        except errors.ApiError as error:
            raise failing.Refused(
                f"ConfigMap {namespace}/{name} can't be read: {error}", code=1
            ) from error

    async def classes(self) -> list[Mapping[str, Any]]:
        """Return the AcceleratorClasses; raises Refused."""
        try:
            return list(await clients.listed(self._client, kinds.CLASSES))
        except errors.NotFound:
            return []
        except errors.ApiError as error:
            raise failing.Refused(
                f"AcceleratorClasses can't be read: {error}; have the right given, or put the"
                " job's class into the same file and give --config",
                code=1,
            ) from error

    async def settings(self, namespace: str) -> config.Settings:
        """Return the settings of the operator that is installed in a namespace; raises Refused."""
        found = await self.config_map(namespace, SETTINGS)
        if found is None:
            raise failing.Refused(
                f"there is no ConfigMap {namespace}/{SETTINGS}: install the chart, say where it is"
                " by --operator-namespace, or give the settings by --config"
            )
        return parsed(str((found.get("data") or {}).get(KEY, "")), f"{namespace}/{SETTINGS}")


def parsed(text: str, where: str) -> config.Settings:
    """Return the settings in a YAML document; raises Refused."""
    try:
        return config.Settings.model_validate(yaml.safe_load(text) or {})
    except (yaml.YAMLError, pydantic.ValidationError) as error:
        raise failing.Refused(f"the settings in {where} can't be used: {error}") from error


@contextlib.asynccontextmanager
async def opened(kubeconfig: str, context: str | None) -> AsyncIterator[Cluster]:
    """Yield the cluster of a kubeconfig; raises Refused."""
    try:
        connection = await login.login(kubeconfig=kubeconfig, context=context)
    except errors.ApiError as error:
        raise failing.Refused(str(error)) from error
    transport = transports.Transport(connection)
    try:
        yield Cluster(clients.ApiClient(transport), namespace=connection.namespace)
    finally:
        await transport.close()
