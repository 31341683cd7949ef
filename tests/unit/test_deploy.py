"""The files in deploy/ and the documents agree with the code: names, ports, variables, commands, links."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

from annotary import cli
from annotary.runtime import front, services, up
from annotary.runtime.errors import EmbeddedError
from annotary.runtime.paths import DataPaths
from annotary_core.labels.json_reading import MAX_BODY_BYTES
from annotary_core.labels.shapes import label_tools
from kernel.queues import ALL_QUEUES
from storage.sending import PATH

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NGINX = (DEPLOY / "nginx" / "annotary.conf").read_text(encoding="utf-8")
FRONT = (front.HERE / "nginx.conf").read_text(encoding="utf-8")
EXAMPLE = (DEPLOY / "systemd" / "environment.example").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", DEPLOY / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
#: Read by other programs, or only by the runtime itself.
FOREIGN_VARIABLES = {"PYTHONPATH", "DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"}
THREADS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
#: Commands that Django or an installed app brings.
DJANGO_COMMANDS = {"changepassword", "check", "collectstatic", "migrate", "bootstrap_admin", "relay", "ingest"}
CSV_COMMANDS = {"aggregate", "agreement", "replay"}
ACCOUNT_COMMANDS = {"account", "set_password", "service_account"}
DATA_COMMANDS = {"backup", "restore", "upgrade_database", "demo", "simulate", "synthesize", "ingest"}
OTHER_COMMANDS = {"up", "status", "stop", "test", "lint", "bundle", "help"}
OWN_COMMANDS = CSV_COMMANDS | ACCOUNT_COMMANDS | DATA_COMMANDS | OTHER_COMMANDS


class Unit:
    """The parts of a systemd unit that these tests read."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem.removeprefix("annotary-")
        self.text = path.read_text(encoding="utf-8")
        # A unit may say a thing twice (Environment); the parser keeps the last, so those are read from the text.
        parser = ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep case
        parser.read_string(self.text)
        self.service = parser["Service"]
        self.command = shlex.split(self.service["ExecStart"])

    @property
    def environment(self) -> dict[str, str]:
        lines = re.findall(r"^Environment=(.*)$", self.text, re.MULTILINE)
        return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))

    def option(self, name: str) -> str:
        return self.command[self.command.index(name) + 1]


def unit(name: str) -> Unit:
    return Unit(DEPLOY / "systemd" / f"annotary-{name}.service")


def sources() -> str:
    files = [
        file for folder in ("annotary", "platform", "tasks", "workers_ui") for file in (ROOT / folder).rglob("*.py")
    ]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_program_of_the_environment_on_a_module_that_exists(path: Path) -> None:
    found = Unit(path)
    program = found.command[0]
    assert program.startswith("/opt/annotary/.venv/bin/")
    assert (Path(sys.executable).parent / Path(program).name).exists()
    modules = [word.partition(":")[0] for word in found.command if word.startswith("annotary.")]
    for module in modules:
        assert importlib.util.find_spec(module) is not None
    assert modules or found.command[1:] == ["-m", "django", "relay"]
    assert found.environment["DJANGO_SETTINGS_MODULE"] == "annotary.settings.production"
    assert found.environment["PYTHONPATH"] == "/opt/annotary/platform:/opt/annotary"


def test_the_target_requires_every_unit_and_every_unit_stops_with_it() -> None:
    target = (DEPLOY / "systemd" / "annotary.target").read_text(encoding="utf-8")
    wanted = re.findall(r"annotary-[a-z@]+\.service", target)
    # One unit is a template: what follows the @ is the queue.
    assert sorted({re.sub(r"@[a-z]+", "@", name) for name in wanted}) == sorted(path.name for path in UNITS)
    assert re.findall(r"annotary-worker@([a-z]+)\.service", target) == list(services.BULK_QUEUES)
    assert all("PartOf=annotary.target" in path.read_text(encoding="utf-8") for path in UNITS)


def test_there_is_a_unit_for_every_part_that_up_starts() -> None:
    text = Path(up.__file__).read_text(encoding="utf-8")
    started = re.findall(r"services\.(\w+)[,)\]]|services\.(workers)\(", text)
    units = {Unit(path).name for path in UNITS} - {"worker", "worker@"} | {"workers"}
    assert units == {one or other for one, other in started} - {"first_steps"}


def test_units_start_their_programs_with_the_options_of_up(tmp_path: Path) -> None:
    places = DataPaths(tmp_path)
    started = {
        "web": services.web(places, {}),
        "websockets": services.websockets(places, {}),
        "worker": services.workers(places, {})[0],
        "worker@": services.workers(places, {})[1],
        "beat": services.beat(places, {}),
    }
    for name, service in started.items():
        # Without the interpreter and its -m.
        assert options(unit(name).command[1:]) == options(service.argv[3:])


def test_every_queue_has_a_worker_under_up_and_on_several_hosts(tmp_path: Path) -> None:
    places = DataPaths(tmp_path)
    consumed = [service.argv[service.argv.index("--queues") + 1] for service in services.workers(places, {})]
    assert sorted(",".join(consumed).split(",")) == sorted(ALL_QUEUES)
    assert unit("worker").option("--queues") == consumed[0]
    assert unit("worker@").option("--queues") == "%i"


def test_the_processes_of_a_worker_can_be_chosen_and_a_mistake_is_explained(tmp_path: Path) -> None:
    places = DataPaths(tmp_path)

    def processes(text: str) -> dict[str, str]:
        found = services.workers(places, {"ANNOTARY_JOB_PROCESSES": text})
        return {service.name: service.argv[service.argv.index("--concurrency") + 1] for service in found}

    assert processes("") == {"worker": "2", "worker-import": "1", "worker-export": "2", "worker-heavy": "1"}
    assert processes("import=3, heavy=2") == processes("") | {"worker-import": "3", "worker-heavy": "2"}
    for wrong in ("imports=3", "import", "import=0", "import=many"):
        with pytest.raises(EmbeddedError, match="ANNOTARY_JOB_PROCESSES does not accept"):
            processes(wrong)


def options(words: Sequence[str]) -> set[str]:
    """Return the options, except where a server listens: on a port for nginx, on a socket for the front."""
    return {word.partition("=")[0] for word in words if word.startswith("-")} - {"--host", "--port", "--uds"}


def rules(text: str) -> dict[str, set[str]]:
    """Return the values of the directives that protect the site, by name."""
    names = (
        *("client_header_timeout", "client_body_timeout", "send_timeout", "keepalive_timeout", "limit_conn"),
        *("reset_timedout_connection", "client_max_body_size", "limit_conn_status", "limit_req", "limit_req_status"),
        *("gzip", "gzip_types", "gzip_proxied", "gzip_vary", "proxy_connect_timeout", "proxy_send_timeout"),
        *("proxy_buffer_size", "proxy_buffers", "proxy_intercept_errors", "proxy_method", "recursive_error_pages"),
        *("auth_request", "proxy_pass_request_body", "proxy_request_buffering", "proxy_buffering", "error_page"),
    )
    found = re.findall(rf"^\s+({'|'.join(names)})\b\s*([^;]*);", text, re.MULTILINE)
    return {name: {" ".join(value.split()) for key, value in found if key == name} for name in names}


def test_nginx_and_the_front_of_up_have_the_same_rules() -> None:
    assert rules(NGINX) == rules(FRONT)
    assert rules(FRONT)["client_header_timeout"] == {"10s"}
    # What is not buffered would hold a thread of the web server for as long as the client likes.
    assert not rules(FRONT)["proxy_request_buffering"] | rules(FRONT)["proxy_buffering"]
    for text in (NGINX, FRONT):
        assert "http://annotary_web/api/v1/projects/$annotary_project/imports/;" in text


def composed(text: str) -> list[str]:
    """Return the directives of the location of composed files, without comments."""
    body = re.search(r"^ *location /front-composed/ \{(.*?)^ *\}$", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for line in body.group(1).splitlines()] if body else []


def test_nginx_and_the_front_of_up_send_composed_files_alike() -> None:
    assert composed(NGINX) == composed(FRONT)
    assert "internal;" in composed(FRONT)
    assert "proxy_pass http://annotary_websockets;" in composed(FRONT)
    assert f"location {PATH} {{" in NGINX


def test_the_configuration_of_nginx_is_valid(tmp_path: Path) -> None:
    text = re.sub(r"^ *(gzip_static|ssl_\w+|listen) .*;$", "", NGINX, flags=re.MULTILINE)
    text = text.replace("\n    server_name", "\n    listen unix:site.sock;\n    server_name")
    text = text.replace("/var/log/nginx/", "")
    spools = "".join(f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"pid nginx.pid; events {{}} http {{ access_log off; {spools}\n{text} }}")
    command = [str(front.locate({})), "-t", "-e", "stderr", "-p", f"{tmp_path}/", "-c", "nginx.conf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_error_that_nginx_answers_by_itself_has_a_page_for_people_and_one_for_programs() -> None:
    for text in (NGINX, FRONT):
        for code in re.findall(r"/front-errors/(\d+)\.\$annotary_kind", text):
            assert (front.HERE / "errors" / f"{code}.html").exists()
            assert (front.HERE / "errors" / f"{code}.json").exists()
        for name in re.findall(r"/front-errors/(\d+\.json)", text):
            assert (front.HERE / "errors" / name).exists()
    for path in (front.HERE / "errors").glob("*.json"):
        problem = json.loads(path.read_text(encoding="utf-8"))
        assert problem["type"].startswith("/problems/")
        assert problem["status"] == int(path.stem)
        assert problem["title"] and problem["detail"].endswith(".")
    assert "alias /opt/annotary/annotary/runtime/front/errors/;" in NGINX


def test_units_keep_temporary_files_in_a_folder_that_systemd_creates() -> None:
    for path in UNITS:
        assert Unit(path).environment["TMPDIR"] == "/var/lib/annotary/spool"
        assert "annotary/spool" in Unit(path).service["StateDirectory"].split()


def test_nginx_sends_pages_and_websockets_to_the_ports_of_their_units() -> None:
    upstreams = dict(re.findall(r"upstream (\w+) \{\s*server ([\d.:]+);", NGINX))
    for name, upstream in (("web", "annotary_web"), ("websockets", "annotary_websockets")):
        found = unit(name)
        assert upstreams[upstream] == f"{found.option('--host')}:{found.option('--port')}"
    socket = NGINX[NGINX.index("location /ws/") :].split("}", 1)[0]
    assert "proxy_pass http://annotary_websockets;" in socket
    routes = (ROOT / "workers_ui" / "consumers" / "routing.py").read_text(encoding="utf-8")
    assert '"ws/' in routes


def test_nginx_serves_the_folder_that_collectstatic_writes() -> None:
    folder = re.search(r"^ANNOTARY_STATIC_ROOT=(.+)$", EXAMPLE, re.MULTILINE)
    assert folder is not None
    assert f"alias {folder.group(1)}/;" in NGINX
    # The services' own folder is closed to everybody else, nginx too.
    assert not folder.group(1).startswith("/var/lib/annotary")
    assert all("StateDirectoryMode=0700" in path.read_text(encoding="utf-8") for path in UNITS)


def test_nginx_accepts_bodies_as_large_as_the_application_does(settings: Any) -> None:
    for text in (NGINX, FRONT):
        large = re.search(r"client_max_body_size (\d+)g;", text)
        small = re.search(r"client_max_body_size (\d+)m;", text)
        assert large is not None and small is not None
        assert int(large.group(1)) * 1024**3 == settings.UPLOAD_MAX_BYTES
        assert int(small.group(1)) * 1024**2 > max(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, MAX_BODY_BYTES)


def test_every_location_that_passes_headers_sets_all_that_production_trusts() -> None:
    blocks = [block for text in (NGINX, FRONT) for block in text.split("location ") if "proxy_set_header" in block]
    for block in blocks:
        for header in ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"):
            assert re.search(rf"proxy_set_header {header} +[$@]", block)


def test_every_variable_of_the_example_and_the_units_is_read_by_the_code() -> None:
    text = sources()
    given = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    given |= {name for path in UNITS for name in Unit(path).environment} - FOREIGN_VARIABLES - THREADS
    assert [name for name in sorted(given) if f'"{name}"' not in text] == []


def test_the_example_names_every_variable_that_production_requires() -> None:
    production = (ROOT / "annotary" / "settings" / "production.py").read_text(encoding="utf-8")
    asked = re.findall(r'^    \("([A-Z_]+)", "', production, re.MULTILINE)
    assert len(asked) >= 5
    assert [name for name in asked if not re.search(rf"^{name}=", EXAMPLE, re.MULTILINE)] == []


def test_operations_lists_every_variable_that_the_settings_read() -> None:
    folder = ROOT / "annotary" / "settings"
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text)) | set(re.findall(r'\btext\("([A-Z_]+)"', text))
    listed = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name for name in sorted(read) if f"`{name}`" not in listed] == []


def links(document: Path) -> Iterator[tuple[str, str]]:
    """Return the relative links of a document as (file, fragment), ignoring code blocks."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for pair in LINK.findall(text):
        target = pair[0] or pair[1]
        if not re.match(r"[a-z]+:", target):
            file, _, fragment = target.partition("#")
            yield file, fragment


def anchors(document: Path) -> set[str]:
    """Return the fragments of a document's headings, as Git forges generate them."""
    heads = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_an_existing_file_and_heading(document: Path) -> None:
    for file, fragment in links(document):
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), f"{document.name} links to {file}, which is not there."
        if fragment:
            assert fragment in anchors(target), f"{document.name} links to {file}#{fragment}, which is no heading."


def test_pictures_are_small() -> None:
    pictures = [path for path in (ROOT / "docs" / "images").iterdir() if path.is_file()]
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > 200_000] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:manage\.py|deploy/manage) ([a-z_]+)", text))
    assert named <= OWN_COMMANDS | DJANGO_COMMANDS
    scripts = re.findall(r"(?:python3?|\s)((?:tests/benchmarks|deploy|\.ci)/[\w./-]+)", text)
    assert [name for name in scripts if not (ROOT / name).exists()] == []


def test_our_own_commands_are_those_that_help_lists() -> None:
    listed = set(re.findall(r"^  (\w+) ", cli.HELP, re.MULTILINE))
    assert listed == OWN_COMMANDS - {"help"}


def test_the_script_of_commands_uses_the_account_and_the_settings_of_the_units() -> None:
    script = (DEPLOY / "manage").read_text(encoding="utf-8")
    account = unit("web").service["User"]
    assert f"runuser -u {account} -- " in script
    assert unit("web").service["EnvironmentFile"] in script
    assert "DJANGO_SETTINGS_MODULE=annotary.settings.production" in script
    assert (DEPLOY / "manage").stat().st_mode & 0o111


def test_the_buttons_that_a_how_to_names_are_on_the_pages() -> None:
    files = [file for file in (ROOT / "workers_ui").rglob("*") if file.suffix in {".html", ".py", ".js"}]
    pages = "\n".join(file.read_text(encoding="utf-8") for file in files).lower()
    # Written by the page from the size of a set, and from the tools that there are.
    pages += "\n".join(["take 10 images", *(tool.title.lower() for tool in label_tools().values())])
    for name in ("howto-manager.md", "howto-worker.md", "howto-client.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        words = re.findall(r"\*\*([^*]+)\*\*", text) + re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text)
        steps = [step.rstrip(".").lower() for word in words for step in " ".join(word.split()).split(" → ")]
        assert steps
        assert [step for step in steps if step not in pages] == []
