import datetime
import pathlib
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hack.cluster import settings
from hack.cluster.host import certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("pki")
    certificates.ensure(folder)
    return folder


def load(pki: pathlib.Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def test_the_authority_says_what_its_key_is_for(pki: pathlib.Path) -> None:
    extensions = load(pki, "ca").extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_every_identity_is_signed_by_the_authority(pki: pathlib.Path) -> None:
    authority = load(pki, "ca")
    for identity in certificates.IDENTITIES:
        load(pki, identity.file).verify_directly_issued_by(authority)


def test_the_api_server_answers_to_every_name_that_reaches_it(pki: pathlib.Path) -> None:
    extension = load(pki, "apiserver").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    names = extension.value.get_values_for_type(x509.DNSName)
    addresses = {str(one) for one in extension.value.get_values_for_type(x509.IPAddress)}
    assert {"localhost", "kubernetes.default.svc"} <= set(names)
    assert addresses == {"127.0.0.1", settings.API_SERVICE, settings.GATEWAY}


def test_clients_may_not_serve_and_servers_may_not_ask(pki: pathlib.Path) -> None:
    for identity in certificates.IDENTITIES:
        found = load(pki, identity.file).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        wanted = (
            ExtendedKeyUsageOID.SERVER_AUTH if identity.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        )
        assert list(found.value) == [wanted]


def test_the_kubelet_is_the_node_that_it_registers(pki: pathlib.Path) -> None:
    subject = load(pki, "kubelet").subject
    (name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (group,) = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert (name.value, group.value) == (f"system:node:{settings.NODE}", "system:nodes")


def test_service_accounts_have_an_rsa_pair(pki: pathlib.Path) -> None:
    private = serialization.load_pem_private_key((pki / "sa.key").read_bytes(), None)
    public = serialization.load_pem_public_key((pki / "sa.pub").read_bytes())
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.public_key() == public


def test_keys_are_for_their_owner_alone(pki: pathlib.Path) -> None:
    for path in pki.glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_certificates_outlive_a_cluster_that_nobody_takes_down(pki: pathlib.Path) -> None:
    ends = load(pki, "apiserver").not_valid_after_utc
    assert ends - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=3000)


def test_a_second_call_changes_nothing(pki: pathlib.Path) -> None:
    before = {path.name: path.read_bytes() for path in pki.iterdir()}
    certificates.ensure(pki)
    assert {path.name: path.read_bytes() for path in pki.iterdir()} == before


def test_a_lost_certificate_is_issued_again_by_the_same_authority(
    tmp_path: pathlib.Path,
) -> None:
    certificates.ensure(tmp_path)
    authority = load(tmp_path, "ca")
    (tmp_path / "kwok.crt").unlink()
    certificates.ensure(tmp_path)
    assert load(tmp_path, "ca") == authority
    load(tmp_path, "kwok").verify_directly_issued_by(authority)
