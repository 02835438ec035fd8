"""Settings: one YAML file, checked when it is read, and the pod's own identity.

Nothing else in the operator reads the environment or a file of settings.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any, Literal
from urllib import parse

import pydantic
import yaml
from pydantic import alias_generators


class Section(pydantic.BaseModel):
    """A part of the settings: camelCase in YAML; what is not known is refused."""

    model_config = pydantic.ConfigDict(
        alias_generator=alias_generators.to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
    )


class Collection(Section):
    """When images of the bundled registry are let go."""

    enabled: bool = False
    older_than_days: int = pydantic.Field(default=30, ge=1)
    """Since the last day on which a job named it."""


class Bundled(Section):
    """The registry of the chart, which takes the operator's tokens alone."""

    enabled: bool = False
    port: int = 8444
    """Where this process gives tokens to nodes, without TLS."""
    service: str = "trainshed-registry-tokens"
    """The Service that leads nodes there."""
    key_secret: str = "trainshed-registry-tokens"
    """The Secret of the key by which tokens are signed."""
    gc: Collection = Collection()


class Registry(Section):
    """Where images go to and come from."""

    push: str = "http://127.0.0.1:5000"
    """The registry as the operator reaches it; http:// only for one without TLS."""
    pull: str = "127.0.0.1:5000"
    """The same registry as nodes name it."""
    ca: str = ""
    """Path of a PEM file with its certificate authority; empty for the system's."""
    prefix: str = "trainshed"
    """First part of every repository: images of a namespace are in PREFIX/ns/NAMESPACE."""
    allowed: tuple[str, ...] = ()
    """Other hosts that the operator may call: registries of base images and token realms."""
    credentials_file: str = ""
    """Path of a docker config.json; empty for none."""
    google: bool = False
    """Whether Google's metadata server says who we are at Google's registries."""
    bundled: Bundled = Bundled()


class Devel(Section):
    """In which extensions of a framework's code are compiled, and its packages built.

    Empty: extensions are not compiled, and packages are built in the builder's own.
    """

    pytorch: str = ""
    tensorflow: str = ""


class Images(Section):
    """Default base images."""

    pytorch: str = "127.0.0.1:5000/trainshed/pytorch:dev"
    tensorflow: str = "127.0.0.1:5000/trainshed/tensorflow:dev"
    devel: Devel = Devel()
    variants: Mapping[str, Mapping[str, str]] = {}
    """Those of other variants, by the name that classes of accelerators give them."""

    @property
    def bases(self) -> Mapping[str, str]:
        """Return the default base image of each framework."""
        return self.model_dump(exclude={"devel", "variants"})


class Resources(Section):
    """What a container asks for, and the most that it may have, as Kubernetes writes it."""

    requests: Mapping[str, str | int | float] = {"cpu": "100m", "memory": "256Mi"}
    limits: Mapping[str, str | int | float] = {"memory": "2Gi"}


class Engine(Section):
    """A program that builds Dockerfiles."""

    image: str = ""
    """Empty: it is not used."""


class Dockerfile(Section):
    """The containers that build Dockerfiles, in namespaces that are labelled for it."""

    buildkit: Engine = Engine()
    """Goes before buildah where both are named."""
    buildah: Engine = Engine()
    resources: Resources = Resources(
        requests={"cpu": "100m", "memory": "512Mi"}, limits={"memory": "4Gi"}
    )
    storage: str = "20Gi"
    """The most disk that base images, steps and the result may take together."""
    host_users: bool = True
    """Whether users of these pods are the node's; false: a user namespace of the pod's own."""

    @property
    def enabled(self) -> bool:
        """Return whether anything builds Dockerfiles here."""
        return bool(self.buildkit.image or self.buildah.image)


class Index(Section):
    """Where the packages of jobs come from that name no index of their own."""

    url: str = ""
    """Empty: https://pypi.org/simple."""
    constraints: str = ""
    """Which versions may be chosen, line by line, as in a constraints file."""
    ca: str = ""
    """A file with the certificates of the index's authority; empty: the system's."""

    @pydantic.field_validator("url")
    @classmethod
    def _sound(cls, url: str) -> str:
        parts = parse.urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("builder.index.url must be a URL, such as https://pypi.org/simple")
        if "@" in parts.netloc:
            raise ValueError(
                "builder.index.url must hold no credentials: every job's order would show them"
            )
        return url


class Packages(Section):
    """What the packages of a job may be."""

    max_bytes: int = pydantic.Field(default=8 << 30, gt=0)
    """Unpacked, of one platform."""


class Builder(Section):
    """The pods that build what this process must not: code that it has to fetch."""

    index: Index = Index()
    packages: Packages = Packages()

    image: str = "127.0.0.1:5000/trainshed/builder:dev"
    service_account_name: str = ""
    """ServiceAccount of their pods, of that name in each namespace; empty for its default one."""
    without_tls: tuple[str, ...] = ()
    """Registries, HOST[:PORT], that have no TLS, where a job sends its build pod to them."""
    resources: Resources = Resources()
    """Of the container."""
    dockerfile: Dockerfile = Dockerfile()
    pre_pull_nodes: int = pydantic.Field(default=0, ge=0, le=100)
    """Nodes at most that pull a job's base while its build pod goes on; 0 for none."""


class Progress(Section):
    """The endpoint that trainers push to."""

    port: int = 8443
    service: str = "trainshed-progress"
    ca_secret: str = "trainshed-progress-ca"


class Metrics(Section):
    """The operator's own metrics and health server."""

    port: int = 8080
    finished_jobs_retention_seconds: float = 3600
    """How long after its end a job's series are served."""


class Writes(Section):
    """The budget of writes to the API server."""

    per_second: float = pydantic.Field(default=200, gt=0)
    burst: int = pydantic.Field(default=400, gt=0)


class LeaderElection(Section):
    """Timings of the Lease, in seconds."""

    lease_seconds: float = 15
    renew_seconds: float = 10
    retry_seconds: float = 2
    name: str = "trainshed-operator"


class ShippedClass(Section):
    """An AcceleratorClass of the chart."""

    name: str
    spec: Mapping[str, Any]


class AcceleratorClasses(Section):
    """By which jobs find the nodes of their accelerators."""

    enabled: bool = True
    """Whether classes and nodes are watched, which takes rights in the whole cluster."""
    shipped: tuple[ShippedClass, ...] = ()
    """Classes that are made where they are not there, and kept as they are here."""


class Gang(Section):
    """By what a scheduler places all pods of a job or none."""

    by: Literal["auto", "coscheduling", "none"] = "auto"
    """`auto`: by Kubernetes' own PodGroups, in a version that is known here, where they are served;
    `coscheduling`: by those of the plugin of that name."""
    scheduler_name: str = ""
    """The scheduler that knows them; empty: the cluster's own."""


class Placement(Section):
    """How pods of one job are placed, and beside which others."""

    gang: Gang = Gang()
    topology_keys: tuple[str, ...] = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    """Labels of nodes by which pods of one job are close, the closest first."""
    pack: bool = True
    """Whether pods that train alone fill up nodes that others have begun."""
    avoid_labelled: bool = True
    """Whether pods with devices ask for nodes without the labels that tell of faults, and all pods
    for others than those that failed again."""


class Kueue(Section):
    """What queues jobs that carry its label."""

    enabled: bool = False
    """Whether its Workloads are watched: what it says of a job is then told by the job."""


class Settings(Section):
    """All settings. Times are seconds."""

    registry: Registry = Registry()
    images: Images = Images()
    accelerator_classes: AcceleratorClasses = AcceleratorClasses()
    placement: Placement = Placement()
    kueue: Kueue = Kueue()
    builder: Builder = Builder()
    trainer_library: pathlib.Path = pathlib.Path("/opt/trainshed/trainer")
    """The folder that holds the training library, put into every image that is built."""
    progress: Progress = Progress()
    metrics: Metrics = Metrics()
    writes: Writes = Writes()
    leader_election: LeaderElection = LeaderElection()
    build_deadline_seconds: float = 900
    startup_deadline_seconds: float = 1800
    gang_deadline_seconds: float = 600
    workers: int = pydantic.Field(default=512, ge=1, le=4096)
    """Jobs that are worked on at the same time; most of that time they wait for answers."""
    namespaces: tuple[str, ...] = ()
    """The namespaces that are served; empty for all."""


class Identity(Section):
    """Which pod this process is."""

    namespace: str = "trainshed-system"
    pod: str = "trainshed-operator"
    address: str = "127.0.0.1"
    """The pod's address, to which the leader routes pushes."""


def load(path: pathlib.Path) -> Settings:
    """Return the settings in a YAML file."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Settings.model_validate(document or {})


def identity(environment: Mapping[str, str] = os.environ) -> Identity:
    """Return the identity that the downward API gives."""
    names = {"namespace": "POD_NAMESPACE", "pod": "POD_NAME", "address": "POD_IP"}
    found = {field: environment[name] for field, name in names.items() if environment.get(name)}
    return Identity(**found)
