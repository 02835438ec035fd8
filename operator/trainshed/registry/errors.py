"""Every way in which a registry, or what is asked of it, is refused.

    RegistryError                       reason, terminal
    ├── Unavailable                     RegistryUnavailable: down, 5xx, 429, no answer in time
    ├── Unauthorized                    RegistryUnauthorized: no or wrong credentials
    ├── Forbidden                       RegistryForbidden: they may not do this
    ├── NotAllowed                      RegistryNotAllowed: a host that the settings do not name
    ├── CertificateUnknown              RegistryCertificateUnknown
    ├── BaseNotFound                    BaseImageNotFound
    ├── BaseNotAllowed                  BaseImageNotAllowed: another namespace's
    ├── BaseUnsupported                 BaseImageUnsupported
    ├── QuotaExceeded                   RegistryQuotaExceeded: 413, 507
    ├── Rejected                        RegistryRejected: any other answer
    ├── MetadataServerUnavailable       MetadataServerUnavailable: of Google, where its tokens
    │                                   are to be used; no usable answer
    ├── MetadataServerRefused           MetadataServerRefused: it gives this pod none
    ├── RepositoryNotAllowed            RepositoryNotAllowed: another namespace's, or none
    ├── SourceNotAllowed                SourceNotAllowed: another namespace's artifact
    └── SourceRefused                   SourceInvalid: files that can't be packed

No message holds a header, a token or a password. `terminal`: trying again can't help.
"""

from __future__ import annotations


class RegistryError(Exception):
    """The root; the message is a sentence that says what to do."""

    reason = "RegistryRejected"
    terminal = False


class Unavailable(RegistryError):
    """No usable answer; the registry may come back."""

    reason = "RegistryUnavailable"

    def __init__(
        self, message: str, *, retry_after: float | None = None, slow: bool = False
    ) -> None:
        """Carry the seconds after which the registry asks to come back.

        `slow`: finding it out took so long that it is not tried again at once.
        """
        super().__init__(message)
        self.retry_after = retry_after
        self.slow = slow


class Unauthorized(RegistryError):
    """No credentials, or ones that are not accepted."""

    reason = "RegistryUnauthorized"


class Forbidden(RegistryError):
    """The credentials are good, the act is not allowed."""

    reason = "RegistryForbidden"


class NotAllowed(RegistryError):
    """A host that the operator's settings do not name."""

    reason = "RegistryNotAllowed"
    terminal = True


class CertificateUnknown(RegistryError):
    """TLS by a certificate authority that is not known."""

    reason = "RegistryCertificateUnknown"


class BaseNotFound(RegistryError):
    """No such base image; it may still be pushed."""

    reason = "BaseImageNotFound"


class BaseNotAllowed(RegistryError):
    """A base that is another namespace's: the operator reads it for nobody else."""

    reason = "BaseImageNotAllowed"
    terminal = True


class BaseUnsupported(RegistryError):
    """A base that nothing can be put onto."""

    reason = "BaseImageUnsupported"
    terminal = True


class QuotaExceeded(RegistryError):
    """The registry has no room."""

    reason = "RegistryQuotaExceeded"


class Rejected(RegistryError):
    """An answer that is none of the others."""


class MetadataServerUnavailable(RegistryError):
    """No token for Google's registries, as nobody usable answers; it may come back."""

    reason = "MetadataServerUnavailable"


class MetadataServerRefused(RegistryError):
    """No token for Google's registries, as this pod is to have none."""

    reason = "MetadataServerRefused"


class RepositoryNotAllowed(RegistryError):
    """A repository that a job's image must not go to."""

    reason = "RepositoryNotAllowed"
    terminal = True


class SourceNotAllowed(RegistryError):
    """An artifact that is another namespace's."""

    reason = "SourceNotAllowed"
    terminal = True


class SourceRefused(RegistryError):
    """Files that can't be packed."""

    reason = "SourceInvalid"
    terminal = True


KINDS: tuple[type[RegistryError], ...] = (
    RegistryError,
    Unavailable,
    Unauthorized,
    Forbidden,
    NotAllowed,
    CertificateUnknown,
    BaseNotFound,
    BaseNotAllowed,
    BaseUnsupported,
    QuotaExceeded,
    Rejected,
    MetadataServerUnavailable,
    MetadataServerRefused,
    RepositoryNotAllowed,
    SourceNotAllowed,
    SourceRefused,
)
"""All of them."""


class NotFound(Exception):
    """A manifest or blob is not there: an answer, no failure."""
