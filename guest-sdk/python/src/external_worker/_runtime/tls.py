"""What `import ssl` finds: contexts that clients can make and pass on.

The host speaks TLS, with the certificates that it trusts. A context decides nothing but whether it can be honoured:
one that switches checks off, or that brings certificates of its own, is refused when it is used.
"""

from __future__ import annotations

import enum
import sys
from typing import Any


class SSLError(OSError):
    """TLS failed."""

    reason = library = None


class SSLCertVerificationError(SSLError, ValueError):
    """The certificate is not one that the host trusts."""


class SSLZeroReturnError(SSLError):
    """The other end closed."""


class SSLWantReadError(SSLError):
    """Never raised here."""


class SSLWantWriteError(SSLError):
    """Never raised here."""


class SSLSyscallError(SSLError):
    """Never raised here."""


class SSLEOFError(SSLError):
    """The connection ended early."""


CertificateError = SSLCertVerificationError


class VerifyMode(enum.IntEnum):
    """Whether certificates are checked."""

    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class TLSVersion(enum.IntEnum):
    """Versions of TLS."""

    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class VerifyFlags(enum.IntFlag):
    """How certificates are checked."""

    VERIFY_DEFAULT = 0
    VERIFY_X509_STRICT = 0x20
    VERIFY_X509_TRUSTED_FIRST = 0x8000
    VERIFY_X509_PARTIAL_CHAIN = 0x80000


class Purpose(enum.Enum):
    """What a context is for."""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


class Options(enum.IntFlag):
    """Options of a context; the host has its own."""

    OP_ALL = 0x80000050
    OP_NO_SSLv2 = 0
    OP_NO_TICKET = 0x4000
    OP_NO_COMPRESSION = 0x20000
    OP_NO_SSLv3 = 0x2000000
    OP_NO_TLSv1 = 0x4000000
    OP_NO_TLSv1_1 = 0x10000000
    OP_NO_TLSv1_2 = 0x8000000
    OP_NO_TLSv1_3 = 0x20000000


CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED = VerifyMode
VERIFY_DEFAULT, VERIFY_X509_STRICT = VerifyFlags.VERIFY_DEFAULT, VerifyFlags.VERIFY_X509_STRICT
VERIFY_X509_TRUSTED_FIRST = VerifyFlags.VERIFY_X509_TRUSTED_FIRST
VERIFY_X509_PARTIAL_CHAIN = VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
PROTOCOL_SSLv23 = PROTOCOL_TLS = 2
PROTOCOL_TLSv1, PROTOCOL_TLSv1_1, PROTOCOL_TLSv1_2 = 3, 4, 5
PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER = 16, 17
OPENSSL_VERSION, OPENSSL_VERSION_NUMBER, OPENSSL_VERSION_INFO = "OpenSSL 3.0 (the host's TLS)", 0x30000000, (3, 0, 0, 0, 0)
HAS_SNI = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_ECDH = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = False
for _option in Options.__members__.values():
    globals()[_option.name] = _option
OP_NO_SSLv2 = Options(0)

_SERVERS = (
    "there is no TLS over plain sockets in an external worker: for https use external_worker.http, urllib, requests "
    "or httpx with the capability `http`; for anything else, a proxy that speaks TLS"
)


class SSLContext:
    """What a client wants of TLS."""

    def __init__(self, protocol: int = PROTOCOL_TLS_CLIENT) -> None:
        self.protocol = protocol
        self.verify_mode: int = CERT_REQUIRED
        self.check_hostname = True
        self.options: int = Options.OP_ALL
        self.verify_flags: int = VERIFY_DEFAULT
        self.minimum_version, self.maximum_version = TLSVersion.TLSv1_2, TLSVersion.MAXIMUM_SUPPORTED
        self.hostname_checks_common_name = False
        self.post_handshake_auth = False
        self.keylog_filename = self.sni_callback = None
        self._own: str | None = None

    def load_default_certs(self, purpose: Purpose = Purpose.SERVER_AUTH) -> None:
        """The host's certificates, which are trusted anyway."""

    set_default_verify_paths = load_default_certs

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """Takes the list of certifi, which clients load by themselves, and nothing else: the host's list decides."""
        if cadata is not None or capath is not None or not str(cafile).endswith("cacert.pem"):
            self._own = "trusts certificates of its own: the operator adds them on the host, with --ca"

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        """Refused when the context is used: a worker cannot bring a certificate of its own."""
        self._own = "brings a certificate of its own, which the host does not send"

    def set_ciphers(self, ciphers: str) -> None:
        """The host chooses."""

    def set_alpn_protocols(self, protocols: Any) -> None:
        """The host chooses."""

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """Nothing is told about the host's."""
        return []

    def cert_store_stats(self) -> dict[str, int]:
        """Nothing is told about the host's."""
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def wrap_socket(self, *_: Any, **__: Any) -> Any:
        """Refused."""
        raise SSLError(_SERVERS)

    wrap_bio = wrap_socket


SSLSocket = SSLObject = MemoryBIO = type("SSLSocket", (), {"__doc__": "There are none here."})


def create_default_context(
    purpose: Purpose = Purpose.SERVER_AUTH, *, cafile: Any = None, capath: Any = None, cadata: Any = None
) -> SSLContext:
    """A context that checks certificates, as the host does in any case."""
    context = SSLContext()
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    return context


def _create_unverified_context(*_: Any, **__: Any) -> SSLContext:
    context = SSLContext()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    return context


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_default_verify_paths() -> Any:
    """No paths: the host's certificates are not files of the worker."""
    from collections import namedtuple

    names = "cafile capath openssl_cafile_env openssl_cafile openssl_capath_env openssl_capath"
    return namedtuple("DefaultVerifyPaths", names)(None, None, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


def match_hostname(*_: Any) -> None:
    """The host checks names."""


def usable(context: Any) -> None:
    """Refuses a context that the host cannot honour."""
    if context is None or context is True:
        return
    if context is False or getattr(context, "verify_mode", CERT_REQUIRED) == CERT_NONE:
        raise SSLError(
            "verify=False: the host checks certificates, and a worker cannot switch that off; the operator can trust "
            "a certificate with --ca"
        )
    if getattr(context, "_own", None):
        raise SSLError(f"this SSL context {context._own}")


def install() -> None:
    """Becomes the module `ssl`."""
    sys.modules["ssl"] = sys.modules[__name__]
