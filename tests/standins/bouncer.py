"""PgBouncer in transaction mode: the real one, where the machine has it (Debian: apt install pgbouncer)."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.config.polling import wait_for

PROGRAM = shutil.which("pgbouncer")
_CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = {listen}
listen_port = {own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 2000
query_wait_timeout = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def bouncer(
    url: str, *, size: int = 3, listen: str = "127.0.0.1", prefix: tuple[str, ...] = ()
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same address by way of a bouncer with so many connections of its own, and its process.

    `prefix` stands before its command: another network namespace, say. It refuses to run as root.
    """
    assert PROGRAM is not None
    parts = urlsplit(url)
    own = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        users, configuration = Path(folder) / "users", Path(folder) / "pgbouncer.ini"
        users.write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
        configuration.write_text(
            _CONFIGURATION.format(
                host=parts.hostname, port=parts.port or 5432, own=own, users=users, size=size, listen=listen
            )
        )
        command = [*prefix, PROGRAM, "--quiet", str(configuration)]
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (Path(folder), users, configuration):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            command += ["--user", "nobody"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_for("the bouncer listens", lambda: _listens(listen, own, prefix))
            login = parts.netloc.rpartition("@")[0]
            yield parts._replace(netloc=f"{login}@{listen}:{own}").geturl(), process
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _listens(host: str, port: int, prefix: tuple[str, ...]) -> bool:
    if prefix:
        ask = [*prefix, "bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}"]
        return subprocess.run(ask, capture_output=True, check=False).returncode == 0
    with socket.socket() as pipe:
        return pipe.connect_ex((host, port)) == 0
