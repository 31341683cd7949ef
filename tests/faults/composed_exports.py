"""A large composed export of a running installation, and clients that read it slowly."""

import hashlib
import socket

import psycopg

from annotary.runtime.instance import Running
from storage.backends import key_of
from storage.composed_files import FrameWriter
from tests.slow_senders import People

EXPORT = """
WITH image AS (
    SELECT i.*, b.sha256 AS file FROM tasks_image i JOIN storage_blob b ON b.id = i.release_id
    WHERE i.public_id = %(image)s
), frame AS (
    INSERT INTO storage_blob (sha256, size, content_type, state)
    VALUES (%(frame)s, 1, 'application/octet-stream', 'ready') RETURNING id
), release AS (
    INSERT INTO tasks_snapshot (public_id, project_id, number, state, schema_id, content_hash, items_count, counts,
        error, created_by_id, created_at, ready_at)
    SELECT gen_random_uuid(), id, 1, 'ready', schema_id, repeat('0', 64), 0, '{}', '', created_by_id, now(), now()
    FROM projects_project WHERE public_id = %(project)s RETURNING *
)
INSERT INTO tasks_export (public_id, project_id, snapshot_id, format, state, frame_id, sha256, size, report, error,
    created_by_id, created_at, ready_at)
SELECT gen_random_uuid(), release.project_id, release.id, 'coco', 'ready', frame.id, %(sha256)s, %(size)s, '{}', '',
    release.created_by_id, now(), now() FROM release, frame RETURNING public_id
"""


def a_composed_export(running: Running, people: People, image: str, size: int) -> tuple[str, bytes]:
    """Write an export of about `size` bytes, all of them those of one image again and again; return path and bytes."""
    database = running.environment["DATABASE_URL"]
    with psycopg.connect(database) as connection:
        query = "SELECT b.sha256 FROM tasks_image i JOIN storage_blob b ON b.id = i.release_id WHERE i.public_id = %s"
        row = connection.execute(query, [image]).fetchone()
        assert row is not None
        picture = (running.data / "files" / key_of(row[0])).read_bytes()
        whole, path = b"", running.data / "frame"
        with FrameWriter(path) as frame:
            for number in range(size // len(picture)):
                frame.file.write(b"%08d" % number)
                frame.refer(number * (8 + len(picture)) + 8, len(picture), row[0])
        whole = b"".join(b"%08d" % number + picture for number in range(size // len(picture)))
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        target = running.data / "files" / key_of(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        values = {"image": image, "frame": sha256, "project": people.project["id"], "size": len(whole)}
        values["sha256"] = hashlib.sha256(whole).hexdigest()
        export = connection.execute(EXPORT, values).fetchone()
        assert export is not None
    return f"/api/v1/exports/{export[0]}/download", whole


def slow_download(running: Running, people: People, path: str) -> socket.socket:
    """Ask for the file, and read no more than the first bytes of it."""
    client = socket.socket()
    # The kernel of the reader takes little, so the rest stays with the server.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", running.state().port))
    client.settimeout(30)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {people.key}\r\n\r\n"
    client.sendall(head.encode())
    assert client.recv(12) == b"HTTP/1.1 200"
    return client
