"""The embedded servers: real PostgreSQL, real Valkey, real kills."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from config.embedded import PROJECT, servers
from config.embedded.attachment import Attachment
from config.embedded.binaries import EmbeddedServerError, find_postgres, place_for
from config.locks import open_lock, try_lock
from tests.config.polling import alive, wait_for

DATABASE_URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL")

# Uses the servers until its standard input ends, like a command that runs meanwhile.
USER = """
import sys
from pathlib import Path
from config.embedded import servers

with servers(Path(sys.argv[1]), environ := dict[str, str]()):
    print(environ["DATABASE_URL"], environ["REDIS_URL"], flush=True)
    sys.stdin.read()
"""


def start_user(data: Path) -> subprocess.Popen[str]:
    """A process that uses the servers."""
    command = [sys.executable, "-c", USER, str(data)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def addresses(user: subprocess.Popen[str]) -> str:
    """What the user printed when the servers were there."""
    assert user.stdout is not None
    return user.stdout.readline()


def answers(url: str) -> bool:
    """Whether the server behind the address does its work."""
    try:
        if url.startswith("redis"):
            return bool(redis.Redis.from_url(url, socket_timeout=2).ping())
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except (psycopg.OperationalError, redis.RedisError):
        return False


def listens(url: str) -> bool:
    """Whether anybody listens at the address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port)) == 0


def keeper(data: Path, name: str) -> int:
    """The process that keeps the server."""
    return int((data / "servers" / f"{name}.pid").read_text())


def kept_by(pid: int) -> int:
    """The server's process: the keeper's only child."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


@pytest.fixture(scope="module")
def environ(shared_data: Path) -> Iterator[Mapping[str, str]]:
    """The addresses of running servers."""
    environ: dict[str, str] = {}
    with servers(shared_data, environ):
        yield environ


def test_each_role_connects_with_its_own_password(environ: Mapping[str, str]) -> None:
    users = []
    for name in DATABASE_URLS:
        with psycopg.connect(environ[name]) as connection:
            users.append(connection.execute("SELECT current_user, current_database()").fetchone())
    assert users == [
        ("docent_app", "docent"),
        ("docent_owner", "docent"),
        ("docent_ops", "docent"),
        ("postgres", "postgres"),
    ]
    assert redis.Redis.from_url(environ["REDIS_URL"]).ping()


@pytest.mark.parametrize("user", ["postgres", "docent_owner", "docent_app", "docent_ops"])
@pytest.mark.parametrize("password", ["", "postgres"])
def test_nobody_connects_without_the_right_password(environ: Mapping[str, str], user: str, password: str) -> None:
    port = urlsplit(environ["DATABASE_URL"]).port
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="docent")


def test_valkey_refuses_strangers(environ: Mapping[str, str]) -> None:
    port = urlsplit(environ["REDIS_URL"]).port
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=port).ping()  # type: ignore[arg-type]


def test_the_servers_are_reached_from_this_machine_only(environ: Mapping[str, str]) -> None:
    ports = {urlsplit(environ[name]).port for name in ("DATABASE_URL", "REDIS_URL")}
    listening = re.findall(r"^\s*\d+: (\w+):(\w+) \w+:\w+ 0A", Path("/proc/net/tcp").read_text(), re.MULTILINE)
    assert [where for where, port in listening if int(port, 16) in ports] == ["0100007F", "0100007F"]


def test_the_database_is_pgvectors_and_small(environ: Mapping[str, str]) -> None:
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        version = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()
        assert version is not None
        assert version[0] // 10000 == 18
        distance = connection.execute("SELECT '[1,0]'::halfvec <=> '[0,1]'::halfvec").fetchone()
        assert distance == (1.0,)
        settings = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            for name in ("shared_buffers", "jit", "synchronous_commit", "statement_timeout")
        }
    assert settings == {
        "shared_buffers": ("96MB",),
        "jit": ("off",),
        "synchronous_commit": ("on",),
        "statement_timeout": ("15s",),
    }


def test_the_servers_do_not_run_as_root(shared_data: Path, environ: Mapping[str, str]) -> None:
    owners = {
        name: Path(f"/proc/{kept_by(keeper(shared_data, name))}").stat().st_uid for name in ("postgres", "valkey")
    }
    own = os.geteuid()
    assert own == 0 or set(owners.values()) == {own}
    assert 0 not in owners.values()


def test_addresses_that_are_set_are_kept_and_no_server_starts(data: Path) -> None:
    environ = {"DATABASE_URL": "postgresql://elsewhere/docent", "REDIS_URL": "redis://elsewhere"}
    before = dict(environ)
    with servers(data, environ):
        assert environ == before
    assert environ == before
    assert not data.exists()


def test_the_environment_is_as_before_and_the_servers_are_gone(data: Path) -> None:
    environ = {"PATH": "x"}
    with servers(data, environ):
        inside = dict(environ)
        pids = [keeper(data, name) for name in ("postgres", "valkey")]
        pids += [kept_by(pid) for pid in pids]
    assert environ == {"PATH": "x"}
    assert set(inside) == {"PATH", "REDIS_URL", *DATABASE_URLS}
    assert not any(alive(pid) for pid in pids)
    assert not listens(inside["DATABASE_URL"])


def test_a_second_start_finds_what_the_first_wrote_at_the_same_place(data: Path) -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    with servers(data, first), psycopg.connect(first["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        inside = dict(first)
    with servers(data, second):
        assert second == inside
        with psycopg.connect(second["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_two_that_start_at_once_share_the_servers_and_the_last_one_stops_them(data: Path) -> None:
    users = [start_user(data), start_user(data)]
    seen = [addresses(user) for user in users]
    assert seen[0] == seen[1]
    url = seen[0].split()[0]
    kept = keeper(data, "postgres")
    users[0].communicate(timeout=30)
    assert answers(url)
    users[1].communicate(timeout=30)
    assert [user.returncode for user in users] == [0, 0]
    assert not alive(kept)
    assert not listens(url)


def test_the_servers_stop_when_their_only_user_is_killed(data: Path) -> None:
    user = start_user(data)
    urls = addresses(user).split()
    pids = [keeper(data, name) for name in ("postgres", "valkey")]
    assert all(answers(url) for url in urls)
    user.kill()
    user.communicate()
    wait_for("keepers and servers are gone", lambda: not any(map(alive, pids)) and not any(map(listens, urls)))


def test_F12_a_killed_server_comes_back_at_its_place_with_all_that_was_committed(data: Path) -> None:
    with servers(data, environ := dict[str, str]()):
        with psycopg.connect(environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
            connection.execute("CREATE TABLE acknowledged AS SELECT generate_series(1, 1000) AS id")
        for name, url in (("postgres", environ["DATABASE_URL"]), ("valkey", environ["REDIS_URL"])):
            killed = kept_by(keeper(data, name))
            os.kill(killed, signal.SIGKILL)
            wait_for("it is dead", lambda pid=killed: not alive(pid))  # type: ignore[misc]
            wait_for(f"{name} answers again", lambda url=url: answers(url), within=10)  # type: ignore[misc]
        with psycopg.connect(environ["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT count(*) FROM acknowledged").fetchone() == (1000,)


def test_a_killed_keeper_takes_its_server_along_and_both_are_brought_back(data: Path) -> None:
    with servers(data, environ := dict[str, str]()) as embedded:
        assert embedded.ensure() == []
        for name, url in (("postgres", environ["DATABASE_URL"]), ("valkey", environ["REDIS_URL"])):
            os.kill(keeper(data, name), signal.SIGKILL)
            wait_for(f"{name} is gone", lambda url=url: not listens(url))  # type: ignore[misc]
            assert embedded.ensure() == [name]
            assert answers(url)
        urls = [environ["DATABASE_URL"], environ["REDIS_URL"]]
    assert not any(map(listens, urls))


def test_everything_killed_at_once_starts_again_and_has_lost_nothing(data: Path) -> None:
    user = start_user(data)
    url = addresses(user).split()[0]
    with (
        servers(data, environ := dict[str, str]()),
        psycopg.connect(environ["DATABASE_OWNER_URL"], autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    keepers = [keeper(data, name) for name in ("postgres", "valkey")]
    killed = [user.pid, *keepers, *(kept_by(keeper) for keeper in keepers)]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    user.communicate()
    # Until it is dead, which takes a moment on a busy machine, a killed server takes connections and drops them.
    wait_for("all are dead", lambda: not any(map(alive, killed)))
    with servers(data, environ := dict[str, str]()), psycopg.connect(environ["DATABASE_URL"]) as connection:
        assert environ["DATABASE_URL"] == url
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_status_file_that_names_somebody_elses_process_is_no_obstacle(data: Path) -> None:
    with servers(data, {}):
        cluster = Path(f"/proc/{kept_by(keeper(data, 'postgres'))}/cwd").readlink()
    status = cluster / "postmaster.pid"
    assert not status.exists()
    status.write_text(f"{os.getpid()}\n{cluster}\n1\n1\n\n127.0.0.1\n\nready   \n")
    with servers(data, environ := dict[str, str]()):
        assert answers(environ["DATABASE_URL"])


def test_a_port_that_is_taken_meanwhile_is_given_up(data: Path) -> None:
    with servers(data, environ := dict[str, str]()):
        before = urlsplit(environ["DATABASE_URL"]).port
    with socket.create_server(("127.0.0.1", before)), servers(data, environ := dict[str, str]()):
        assert urlsplit(environ["DATABASE_URL"]).port != before
        assert answers(environ["DATABASE_URL"])


def test_a_cluster_that_cannot_start_is_a_clear_error(data: Path) -> None:
    with servers(data, {}):
        cluster = Path(f"/proc/{kept_by(keeper(data, 'postgres'))}/cwd").readlink()
    (cluster / "global" / "pg_control").unlink()
    with (
        pytest.raises(
            EmbeddedServerError, match=r"PostgreSQL ended with code \d+ while starting: see .*postgres.log"
        ),
        servers(data, {}),
    ):
        pass
    assert "pg_control" in (data / "servers" / "postgres.log").read_text()
    assert not (data / "servers" / "postgres.pid").exists(), "the number of the keeper before may be anybody's"


def test_a_keeper_that_ends_by_itself_is_waited_for(data: Path) -> None:
    """As one does whose server did not start: it holds its lock until it has ended."""
    with servers(data, {}):
        pass
    gone = subprocess.Popen(["true"])
    gone.wait()
    (data / "servers" / "valkey.pid").write_text(str(gone.pid))
    ending = open_lock(data / "servers" / "valkey.keeper")
    assert try_lock(ending, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as thread:
        released = thread.submit(Attachment("valkey", data).release)
        with pytest.raises(TimeoutError):
            released.result(0.3)
        os.close(ending)
        assert released.result(20) is None


def test_root_finds_a_place_that_the_servers_account_reaches(tmp_path: Path) -> None:
    """Under a folder of mode 0700: in the system's state folder, with a copy of the programs that runs."""
    tmp_path.chmod(0o700)
    system = tmp_path if os.geteuid() != 0 else Path(f"/var/lib/docent-test-{os.getpid()}")
    programs = find_postgres()
    data = tmp_path / "home" / ".docent"
    try:
        place = place_for("postgres", programs, data, system)
        expected = system if os.geteuid() == 0 else data
        assert place.home.is_relative_to(expected)
        assert place.account.can_use(place.home, place.program)
        assert place_for("postgres", programs, data, system) == place
    finally:
        if os.geteuid() == 0:
            subprocess.run(["rm", "-rf", str(system)], check=True)
