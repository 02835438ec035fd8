import pytest

from tests.unit.kube.store import Store
from trainshed.kube import kinds, preflight
from trainshed.kube.kinds import Body, Kind
from trainshed.kube.ratelimit import Lane

NAMES = preflight.Names(lease="operator", secret="operator-ca", endpoint_slice="progress")
DISCOVERY = {"resources": [{"name": "trainingjobs"}, {"name": "trainingjobs/status"}]}


class Cluster(Store):
    """Answers access reviews by a list of what is refused."""

    def __init__(self, *refused: str) -> None:
        super().__init__()
        self.documents[kinds.TRAINING_JOBS.root] = DISCOVERY
        self._refused = refused

    async def create(self, kind: Kind, body: Body, *, lane: Lane = Lane.CREATE) -> Body:
        asked = body["spec"]["resourceAttributes"]
        what = f"{asked['verb']} {asked['resource']}"
        return {**body, "status": {"allowed": what not in self._refused}}


async def checked(cluster: Store) -> None:
    permissions = preflight.needed(own_namespace="trainshed-system", names=NAMES)
    await preflight.check(cluster, permissions=permissions, served=[kinds.TRAINING_JOBS])


async def test_a_ready_cluster_passes() -> None:
    await checked(Cluster())


async def test_a_missing_permission_is_named() -> None:
    with pytest.raises(preflight.PreflightError, match=r"may not create jobs\.batch in all names"):
        await checked(Cluster("create jobs"))


async def test_all_missing_permissions_are_one_line() -> None:
    with pytest.raises(preflight.PreflightError) as raised:
        await checked(Cluster("create jobs", "update leases"))
    assert "; " not in str(raised.value), "one problem"
    assert "update leases.coordination.k8s.io operator in namespace trainshed-system" in str(
        raised.value
    )


async def test_a_missing_crd_says_what_to_install() -> None:
    cluster = Cluster()
    del cluster.documents[kinds.TRAINING_JOBS.root]
    with pytest.raises(preflight.PreflightError, match="install the CRDs: kubectl apply"):
        await checked(cluster)


async def test_a_crd_of_another_version_is_missing_too() -> None:
    cluster = Cluster()
    cluster.documents[kinds.TRAINING_JOBS.root] = {"resources": [{"name": "comparisons"}]}
    with pytest.raises(preflight.PreflightError, match="does not serve trainingjobs"):
        await checked(cluster)


async def test_a_crd_without_a_status_subresource_is_refused() -> None:
    cluster = Cluster()
    cluster.documents[kinds.TRAINING_JOBS.root] = {"resources": [{"name": "trainingjobs"}]}
    with pytest.raises(preflight.PreflightError, match="no status subresource"):
        await checked(cluster)


def test_chosen_namespaces_are_asked_one_by_one() -> None:
    asked = preflight.needed(own_namespace="own", names=NAMES, namespaces=["a", "b"])
    jobs = {p.namespace for p in asked if p.kind == kinds.JOBS}
    assert jobs == {"a", "b"}


def test_own_objects_are_asked_for_by_name_and_creation_is_not() -> None:
    asked = preflight.needed(own_namespace="own", names=NAMES)
    leases = {(p.verb, p.name) for p in asked if p.kind == kinds.LEASES}
    assert leases == {("create", ""), ("get", "operator"), ("update", "operator")}
