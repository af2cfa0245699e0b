"""The commands of the files for containers, run as they stand there, in a project that cannot be written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import redis

from config.embedded.server import free_port
from config.provisioning import with_database
from tests.config.polling import wait_for
from tests.deploy.engine import HOST, Engine, installation

OWNER = "ann@example.org"
PARTS = ("web", "worker", "embedder", "platform", "admin")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """One installation for the module, where the servers' account may go too."""
    top = Path(tempfile.mkdtemp(prefix="docent-deploy-"))
    top.chmod(0o755)
    (top / "containers").mkdir()
    with installation(top / "containers", top / "servers") as engine:
        yield engine
    for path in [top, *top.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(top)


@pytest.fixture(scope="module")
def before(engine: Engine) -> dict[str, int]:
    """The project's files when everything had just started."""
    return contents(engine)


def contents(engine: Engine) -> dict[str, int]:
    """The project's files and when each was written."""
    return {str(path): path.stat().st_mtime_ns for path in engine.project.rglob("*")}


def variables_of(engine: Engine, name: str) -> dict[str, str]:
    text = Path(f"/proc/{engine.running[name].process.pid}/environ").read_text()
    return dict(one.partition("=")[::2] for one in text.split("\0") if one)


def test_every_process_answers_its_health_check(engine: Engine, before: dict[str, int]) -> None:
    assert before
    for name in ("web", "admin", "worker"):
        wait_for(f"{name} is healthy", lambda name=name: engine.is_healthy(name), within=60)  # type: ignore[misc]
    for name in PARTS:
        engine.running[name].require_life()


def test_it_is_ready_as_the_probes_ask_for_it(engine: Engine) -> None:
    for name in ("web", "admin"):
        with engine.client(name) as client:
            answer = client.get("/health/ready", headers={"Host": "localhost"})
        assert (answer.status_code, answer.text) == (200, "ok")


def test_one_of_those_that_share_their_numbers_tells_them_where_its_variables_say(engine: Engine) -> None:
    """Containers share none, and each tells its own; here all have the same `/dev/shm`."""
    told = []
    for name in PARTS:
        with suppress(httpx.ConnectError):
            told.append(httpx.get(f"http://127.0.0.1:{engine.metrics[name]}/metrics", trust_env=False))
    assert [answer.status_code for answer in told] == [200]
    assert "docent_build_info" in told[0].text


def test_what_comes_without_tls_is_sent_there(engine: Engine) -> None:
    with engine.client("web") as client:
        answer = client.get("/accounts/login/", headers={"X-Forwarded-Proto": "http"})
        other = client.get("/accounts/login/", headers={"Host": "elsewhere.example.org"})
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{HOST}/accounts/login/")
    assert other.status_code == 400


def test_P5_pages_come_with_every_header_and_secure_cookies(engine: Engine) -> None:
    with engine.client("web") as client:
        page = client.get("/accounts/login/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "Server" not in page.headers
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-csrftoken=")
    assert "; Secure" in cookie


def test_P5_an_error_tells_nothing_of_the_program(engine: Engine) -> None:
    with engine.client("web") as client:
        missing = client.get("/no/such/page/")
    assert missing.status_code == 404
    for word in ("Traceback", "DEBUG", "urlpatterns", str(engine.project)):
        assert word not in missing.text


def test_static_files_are_the_images_own(engine: Engine) -> None:
    with engine.client("web") as client:
        page = client.get("/accounts/login/").text
        address = next(part for part in page.split('"') if part.startswith("/static/") and ".css" in part)
        styles = client.get(address)
    assert styles.status_code == 200
    assert "immutable" in styles.headers["Cache-Control"]
    assert list((engine.folder / "state").glob("static*")) == []


def test_only_platform_is_given_what_leads_past_the_walls(engine: Engine) -> None:
    further = {"DATABASE_OWNER_URL", "DATABASE_OPS_URL", "DATABASE_ADMIN_URL"}
    found = {name: set(variables_of(engine, name)) & further for name in PARTS}
    assert found == {part: set() for part in PARTS} | {"platform": {"DATABASE_OWNER_URL", "DATABASE_OPS_URL"}}


def test_no_process_has_any_right_beyond_its_user(engine: Engine) -> None:
    for name in PARTS:
        status = Path(f"/proc/{engine.running[name].process.pid}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
        # An ordinary user's bound is the system's to set: without new privileges it leads nowhere.
        assert os.geteuid() != 0 or int(facts["CapBnd"], 16) == 0
        assert facts["NoNewPrivs"] == "1"


def test_P7_valkey_lets_in_nobody_without_its_password_and_nobody_at_the_server_itself(engine: Engine) -> None:
    address = f"127.0.0.1:{engine.valkey_port}"
    with redis.Redis.from_url(f"redis://{address}/0") as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis.from_url((engine.secrets / "redis_url").read_text().strip()) as docent:
        assert docent.ping()
        for command in ("CONFIG GET *", "FLUSHALL", "KEYS *", "ACL LIST", "SHUTDOWN"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                docent.execute_command(*command.split())


def test_a_document_is_read_and_answers_a_question(engine: Engine, before: dict[str, int]) -> None:
    manage = ("web", "manage.py")
    engine.run(*manage, "create_tenant", "Acme", "--slug", "acme", "--rate", "100", "--owner", OWNER)
    printed = engine.run(*manage, "create_token", "--tenant", "acme", "--user", OWNER, "--name", "one")
    token = next(word for word in printed.split() if word.startswith("dct_"))
    with engine.client("web") as client:
        client.headers["Authorization"] = f"Bearer {token}"
        text = b"The night watchman of the museum feeds the cat at eleven.\n"
        sent = client.post("/api/v1/documents/", files={"files": ("watch.txt", text)})
        assert sent.status_code == 202, sent.text
        document = sent.json()["results"][0]["id"]

        def is_ready() -> bool:
            for running in engine.running.values():
                running.require_life()
            state = client.get(f"/api/v1/documents/{document}/").json()
            assert state["status"] != "failed", state
            return bool(state["status"] == "ready")

        wait_for("the document is ready", is_ready, within=90)
        answer = client.post("/api/v1/query/", json={"query": "When does the watchman feed the cat?"})
    assert answer.status_code == 200, answer.text
    assert "eleven" in answer.json()["response"]
    assert answer.json()["sources"][0]["url"].startswith(f"https://{HOST}/o/acme/")
    parts = engine.run(*manage, "check_isolation")
    assert "canar" in parts
    assert contents(engine) == before


@pytest.mark.parametrize("part", ["web", "worker", "platform", "admin"])
def test_P8_no_process_starts_with_a_role_that_could_pass_the_walls(engine: Engine, part: str) -> None:
    environment = engine.environment(part)
    administrator = (engine.secrets / "database_admin_url").read_text().strip()
    environment |= {"DATABASE_URL": with_database(administrator, "docent"), "PORT": str(free_port(None))}
    del environment["DATABASE_URL_FILE"]
    command = [sys.executable, *engine.entry(part)]
    done = subprocess.run(
        command, cwd=engine.project, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "is a superuser" in done.stdout + done.stderr
    assert "Docent does not start with it" in done.stdout + done.stderr


def test_they_end_when_they_are_told_to(engine: Engine, before: dict[str, int]) -> None:
    # uvicorn ends by the signal that it was sent, once its connections are closed.
    assert engine.stop() == dict.fromkeys(PARTS, 0) | {"web": -signal.SIGTERM, "admin": -signal.SIGTERM}
    assert contents(engine) == before
    assert {path.name for path in (engine.folder / "state").iterdir()} >= {"files"}
    assert not (engine.folder / "state" / "secrets").exists()
