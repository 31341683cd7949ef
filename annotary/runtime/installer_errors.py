"""Why pip or uv failed: their own last lines, and the usual cause, if the lines say so."""

import re
from collections.abc import Sequence
from pathlib import Path

LINES = 10

# The first cause that the output names counts; what pip says about a certificate, for example, also names a connection.
CAUSES: dict[str, tuple[str, ...]] = {
    "The disk that holds {root} is full. Free about 1 GB and start again.": (
        *("No space left on device", "os error 28", "Disk quota exceeded", "os error 122"),
    ),
    "The certificate of the package index is not trusted here. If your network has its own certificate authority, name "
    "its file in SSL_CERT_FILE, and start again.": (
        *("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "invalid peer certificate", "self-signed cert"),
        *("self signed cert", "certificate has expired", "UnknownIssuer", "SSLCertVerificationError"),
    ),
    "The package index, or a proxy in front of it, serves other files than the lock file expects. Use another index "
    "(PIP_INDEX_URL), and start again.": (*("hash mismatch", "do not match the hashes", "hashes are required"),),
    "The name of the package index could not be resolved. Check the network (or the proxy in HTTPS_PROXY), and start "
    "again.": (
        *("dns error", "failed to lookup address", "Name or service not known", "NameResolutionError"),
        *("Temporary failure in name resolution", "No address associated with hostname", "nodename nor servname"),
    ),
    "The package index could not be reached. Check the network (or the proxy in HTTPS_PROXY), and start again.": (
        *("Connection refused", "Network is unreachable", "No route to host", "ConnectTimeoutError", "tunnel error"),
        *("ProxyError", "operation timed out", "connection timed out", "Read timed out", "tcp connect error"),
    ),
    "{root} is not writable. Start as the user who owns it.": ("Permission denied", "os error 13", "Read-only file"),
}


def explain(root: Path, what: str, tool: str, outputs: Sequence[str]) -> str:
    """Return the message about a failed installation; `outputs` holds what each try printed."""
    text = "\n".join(outputs).lower()
    causes = (cause for cause, signs in CAUSES.items() if any(sign.lower() in text for sign in signs))
    cause = next(causes, "").format(root=root)
    tails = list(dict.fromkeys(_tail(output) for output in outputs))
    parts = [f"Could not install {what}.{f' {cause}' if cause else ''}"]
    parts += [f"{tool} reported:\n{tail or '    nothing'}" for tail in tails]
    return "\n".join(parts)


def _tail(output: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    # An index address may contain a password.
    return "\n".join(f"    {re.sub(r'//[^/@ ]+@', '//***@', line)}" for line in lines[-LINES:])
