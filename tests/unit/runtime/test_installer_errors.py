"""What a failed installation says, by the real pip and uv: their own last lines, and the cause that these name."""

import http.server
import shutil
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from annotary.runtime import bootstrap
from annotary.runtime.bootstrap import Environment
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.installer_errors import explain
from annotary.runtime.source_roots import ROOT

# Of this file alone, for 127.0.0.1; nothing trusts it.
CERTIFICATE = Path(__file__).with_name("untrusted_certificate.pem")
REQUIREMENT = f"tiny==1.0 --hash=sha256:{'0' * 64}\n"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class Index(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses the certificate is what these tests are about."""


@contextmanager
def index(folder: Path, *, tls: bool) -> Iterator[str]:
    """Serve a package index on this machine and return its address."""
    server = Index(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with an index of one package, whose file is not the one that the lock file expects."""
    page = tmp_path / "index" / "simple" / "tiny"
    (tmp_path / "wheel" / "tiny-1.0.dist-info").mkdir(parents=True)
    info = tmp_path / "wheel" / "tiny-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (info / "RECORD").write_text("")
    page.mkdir(parents=True)
    wheel = shutil.make_archive(str(tmp_path / "tiny"), "zip", tmp_path / "wheel")
    Path(wheel).rename(page / "tiny-1.0-py3-none-any.whl")
    (page / "index.html").write_text('<a href="tiny-1.0-py3-none-any.whl">tiny-1.0-py3-none-any.whl</a>')
    return tmp_path / "index"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    (tmp_path / "checkout" / "requirements").mkdir(parents=True)
    for name in ("runtime", "uv"):
        (tmp_path / "checkout" / "requirements" / f"{name}.txt").write_text(REQUIREMENT)
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_NO_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.delenv(name, raising=False)
    # Nothing here may reach a real index, not even the try without the user's settings.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,index.invalid")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return Environment(tmp_path / "checkout")


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> None:
    found = bootstrap.find_uv(Environment(ROOT))
    if found is None:
        found = bootstrap._install_uv(Environment(ROOT))
    monkeypatch.setenv("PATH", str(Path(found).parent))


def failure(checkout: Environment, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PIP_INDEX_URL", address)
    with pytest.raises(EmbeddedError) as caught:
        bootstrap.ensure(checkout, "runtime")
    return str(caught.value)


def test_uv_and_a_certificate_that_is_not_trusted(
    checkout: Environment, packages: Path, uv: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with index(packages, tls=True) as address:
        message = failure(checkout, address, monkeypatch)
    assert "The certificate of the package index is not trusted here." in message
    assert "uv reported:\n    " in message
    assert "invalid peer certificate" in message
    assert "network (or" not in message


def test_uv_and_a_name_that_does_not_resolve(checkout: Environment, uv: None, monkeypatch: pytest.MonkeyPatch) -> None:
    message = failure(checkout, "https://user:secret@index.invalid/simple", monkeypatch)
    assert "The name of the package index could not be resolved." in message
    assert "index.invalid" in message
    assert "secret" not in message


def test_uv_and_a_file_with_another_hash(
    checkout: Environment, packages: Path, uv: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with index(packages, tls=False) as address:
        message = failure(checkout, address, monkeypatch)
    assert "serves other files than the lock file expects" in message
    assert f"sha256:{'0' * 64}" in message


def test_uv_and_an_index_that_is_down(checkout: Environment, uv: None, monkeypatch: pytest.MonkeyPatch) -> None:
    message = failure(checkout, "http://127.0.0.1:1/simple", monkeypatch)
    assert "The package index could not be reached." in message
    assert "Connection refused" in message


@pytest.mark.parametrize(
    ("tls", "cause"),
    [(True, "certificate of the package index is not trusted"), (False, "serves other files than the lock file")],
)
def test_pip_that_cannot_install_uv(
    checkout: Environment, packages: Path, monkeypatch: pytest.MonkeyPatch, tls: bool, cause: str
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    # The environment of the tests was made by uv and has no pip; the Python that it was made with does.
    monkeypatch.setattr(sys, "executable", sys._base_executable)  # type: ignore[attr-defined]  # not in the stubs
    with index(packages, tls=tls) as address:
        message = failure(checkout, address, monkeypatch)
    assert "Could not install uv, which installs the packages." in message
    assert cause in message.split("pip reported:")[0]
    # The try with the user's own settings, and the one without them.
    assert message.count("pip reported:\n    ") == 2
    assert not (checkout.tools / "uv.new").exists()


def test_a_cause_is_named_only_if_the_output_names_it() -> None:
    message = explain(Path(sys.prefix), "the packages", "uv", ["error: the resolver met a case that it does not know"])
    assert message == (
        "Could not install the packages.\nuv reported:\n    error: the resolver met a case that it does not know"
    )
