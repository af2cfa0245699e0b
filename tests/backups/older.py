"""A database with one organisation and its owner, as an older release or an older server has it."""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

import psycopg

from config.embedded import PROJECT
from tests.environment import Environment

INITECH, FRANK = uuid4(), uuid4()


def migrate(environment: Environment, owner_url: str, *target: str) -> None:
    """To this migration of an app, or to the latest of all."""
    variables = {**environment.variables, "DATABASE_URL": owner_url, "DATABASE_OWNER_URL": owner_url}
    command = [sys.executable, "manage.py", "migrate", *target, "--skip-checks", "-v", "0"]
    subprocess.run(command, cwd=PROJECT, env=os.environ | variables, check=True)


def found(admin_url: str) -> None:
    """Initech, with its canary and Frank as its owner."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO tenants_tenant (id, name, slug, is_active, rate_limit, sample_questions,"
            " admins_read_conversations, created_at)"
            " VALUES (%s, 'Initech', 'initech', true, 5, '{}', false, now())",
            [INITECH],
        )
        admin.execute(
            "INSERT INTO tenants_user (id, email, name, password, is_active, is_staff, is_superuser, created_at)"
            " VALUES (%s, 'frank@example.org', 'Frank', '!', true, false, false, now())",
            [FRANK],
        )
        admin.execute(
            "INSERT INTO tenants_membership (id, tenant_id, user_id, role, created_at)"
            " VALUES (%s, %s, %s, 'owner', now())",
            [uuid4(), INITECH, FRANK],
        )
        admin.execute("INSERT INTO tenants_canary (id, tenant_id) VALUES (%s, %s)", [uuid4(), INITECH])
