"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_pair(folder: Path, name: str, *, password: str = "") -> tuple[str, str]:
    """Make a self-signed certificate and its key; return their paths."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    sealing = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *sealing, *subject, *files], check=True, capture_output=True)
    return str(certificate), str(key)
