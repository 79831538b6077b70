"""The console's own certificate."""

from __future__ import annotations

import ssl

from outpost_manager.config import WebConfig
from outpost_manager.errors import BadCertificate


def make_tls(web: WebConfig) -> ssl.SSLContext | None:
    """Return how the console speaks TLS, None when it does not; reads both files. Raises BadCertificate."""
    if not web.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(web.certificate, web.key, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise BadCertificate(web.certificate, web.key, reason) from error
    return context


def _no_password() -> str:
    """Refuse to ask the terminal for a password."""
    raise ValueError("the key is protected by a password")
