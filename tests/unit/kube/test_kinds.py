from trainshed.kube import kinds


def test_a_custom_kind_lives_under_apis() -> None:
    path = kinds.TRAINING_JOBS.path(namespace="team-a", name="cnn", subresource="status")
    assert path == "/apis/trainshed.dev/v1alpha1/namespaces/team-a/trainingjobs/cnn/status"


def test_a_core_kind_lives_under_api() -> None:
    assert kinds.PODS.path() == "/api/v1/pods"
    assert kinds.PODS.api_version == "v1"


def test_a_cluster_scoped_kind_has_no_namespace_in_its_path() -> None:
    path = kinds.ACCESS_REVIEWS.path(namespace="ignored")
    assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def test_names_are_quoted() -> None:
    assert kinds.JOBS.path(namespace="a", name="../b?c").endswith("/jobs/..%2Fb%3Fc")
