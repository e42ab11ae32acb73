"""Where the server listens: on this machine alone or, with password and TLS, elsewhere, too."""

import os
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from litho.core.encoding import read_utf8
from litho.core.errors import LithoError

LOOPBACK = "127.0.0.1"
SHORTEST = 12  # characters of a password


@dataclass(frozen=True)
class Address:
    """An address with what it takes to be reached from other machines."""

    host: str = LOOPBACK
    password: str = ""
    certificate: Path | None = None
    key: Path | None = None

    @property
    def secure(self) -> bool:
        return self.certificate is not None

    @property
    def named(self) -> str:
        """By which name requests may ask for the server; none: those of this machine alone."""
        if self.host == LOOPBACK:
            return ""
        return f"[{self.host}]" if ":" in self.host else self.host.lower()


def address_of(
    host: str, password_file: Path | None, certificate: Path | None, key: Path | None
) -> Address:
    """Raises LithoError if an address needs more than is given, or what is given is unusable."""
    host = LOOPBACK if host == "localhost" else host
    given = {"--password-file": password_file, "--tls-cert": certificate, "--tls-key": key}
    missing = [name for name, value in given.items() if value is None]
    if missing and not is_loopback(host):
        raise LithoError(
            f"other machines reach {host}: that takes a password and TLS, so give "
            f"{', '.join(missing)} as well, or leave --host out"
        )
    if password_file is None or certificate is None or key is None:
        if len(missing) < len(given):
            raise LithoError(f"{', '.join(given)} belong together: give {', '.join(missing)}, too")
        return Address(host)
    _refuse_any(host)
    _check_certificate(certificate, key)
    return Address(host, _password(password_file), certificate, key)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_any(host: str) -> None:
    """Requests have to name the server, which is what other web pages cannot make them do."""
    try:
        unspecified = ip_address(host).is_unspecified
    except ValueError:
        unspecified = not host
    if unspecified:
        raise LithoError(
            f"{host!r} stands for every address of this machine: give the one, or the name, that "
            "others will type"
        )


def _check_certificate(certificate: Path, key: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def refuse() -> str:  # instead of asking for it on the terminal
        raise LithoError(f"{key} is locked by a passphrase: give a key without one")

    try:
        context.load_cert_chain(certificate, key, refuse)
    except OSError as error:  # ssl.SSLError is one
        said = getattr(error, "reason", None) or error.strerror or "no certificate and its key"
        raise LithoError(
            f"{certificate} and {key} cannot be used for TLS ({said}): give a certificate and its "
            "private key in PEM"
        ) from None


def _password(path: Path) -> str:
    password = read_utf8(path).strip()
    if len(password) < SHORTEST:
        raise LithoError(f"the password in {path} is too short: at least {SHORTEST} characters")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise LithoError(f"others may read {path}: 'chmod 600 {path}' makes it yours alone")
    return password
