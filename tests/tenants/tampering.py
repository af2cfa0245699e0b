"""Ways to tamper with the audit log for whoever owns the database, and what is to be said of each.

In the statements `{acme3}` is the third event of acme, and `{acme}` acme's id.
"""

from __future__ import annotations

from typing import LiteralString

Found = dict[str, set[tuple[str, int | None]]]
"""The faults of every log that has any: kind and number."""

_SWAP_EVENTS: LiteralString = """
    UPDATE tenants_auditseal SET event_id = gen_random_uuid() WHERE event_id = '{acme3}';
    UPDATE tenants_auditseal SET event_id = '{acme3}' WHERE event_id = '{acme6}';
    UPDATE tenants_auditseal SET event_id = '{acme6}' WHERE tenant_id = '{acme}' AND number = 3
"""
_SWAP_SEALS: LiteralString = """
    UPDATE tenants_auditseal SET number = 99 WHERE event_id = '{acme3}';
    UPDATE tenants_auditseal SET number = 3 WHERE event_id = '{acme4}';
    UPDATE tenants_auditseal SET number = 4 WHERE event_id = '{acme3}'
"""
_SWAP_TIMES: LiteralString = """
    UPDATE tenants_auditevent event SET at = other.at FROM tenants_auditevent other
    WHERE (event.id = '{acme3}' AND other.id = '{acme5}') OR (event.id = '{acme5}' AND other.id = '{acme3}')
"""
_FORGE: LiteralString = """
    INSERT INTO tenants_auditevent (id, tenant_id, at, action, carrier, target_kind, data)
    VALUES ('00000000-0000-4000-8000-000000000009', '{acme}', now(), 'tenant.created', 'cli', 'tenant', '{{}}');
    INSERT INTO tenants_auditseal (id, tenant_id, number, event_id, digest, sealed_at)
    VALUES (gen_random_uuid(), '{acme}', 9, '00000000-0000-4000-8000-000000000009', sha256('forged'), now())
"""
_ALTER_SEAL: LiteralString = "UPDATE tenants_auditseal SET digest = sha256('other') WHERE event_id = '{%s}'"
_MOVE_BOTH: LiteralString = """
    UPDATE tenants_auditevent SET tenant_id = '{globex}' WHERE id = '{acme4}';
    UPDATE tenants_auditseal SET tenant_id = '{globex}', number = 7 WHERE event_id = '{acme4}'
"""
_COPY_CHAIN: LiteralString = """
    DELETE FROM tenants_auditseal WHERE tenant_id = '{globex}';
    UPDATE tenants_auditseal SET tenant_id = '{globex}' WHERE tenant_id = '{acme}' AND number <= 6;
    UPDATE tenants_auditevent event SET tenant_id = seal.tenant_id FROM tenants_auditseal seal
        WHERE seal.event_id = event.id;
    DELETE FROM tenants_auditevent event WHERE NOT EXISTS (
        SELECT FROM tenants_auditseal seal WHERE seal.event_id = event.id)
"""
_FOURTH: LiteralString = " WHERE id = '{acme4}'"

_DELETE: LiteralString = """
    DELETE FROM tenants_auditseal WHERE event_id %s;
    DELETE FROM tenants_auditevent WHERE id %s
"""
_DELETE_ALL: LiteralString = """
    DELETE FROM tenants_auditevent WHERE tenant_id = '{acme}';
    DELETE FROM tenants_auditseal WHERE tenant_id = '{acme}'
"""

# A change of each column of an event.
COLUMNS: dict[str, LiteralString] = {
    "action": "'collection.deleted'",
    "actor_id": "gen_random_uuid()",
    "carrier": "'cli'",
    "token_id": "gen_random_uuid()",
    "address": "'192.0.2.7'",
    "target_kind": "'document'",
    "target_id": "NULL",
    "at": "at - interval '1 microsecond'",
    "data": "data || '{\"place\": 9}'",
}

# What is done to the database, and exactly what is said of it.
ATTACKS: dict[str, tuple[LiteralString, Found]] = {
    "the last event": (
        "UPDATE tenants_auditevent SET action = '' WHERE id = '{acme8}'",
        {"acme": {("edited", 8)}},
    ),
    "two events beside each other": (
        "UPDATE tenants_auditevent SET action = '' WHERE id IN ('{acme4}', '{acme5}')",
        {"acme": {("edited", 4), ("edited", 5)}},
    ),
    "an event is deleted": (
        "DELETE FROM tenants_auditevent WHERE id = '{acme4}'",
        {"acme": {("missing", 4)}},
    ),
    "an event is deleted with its seal": (
        _DELETE % ("= '{acme4}'", "= '{acme4}'"),
        {"acme": {("missing", 4)}},
    ),
    "the end is cut off": (
        _DELETE % ("IN ('{acme7}', '{acme8}')", "IN ('{acme7}', '{acme8}')"),
        {"acme": {("missing", 7)}},
    ),
    "the last event is deleted with its seal": (
        _DELETE % ("= '{acme8}'", "= '{acme8}'"),
        {"acme": {("missing", 8)}},
    ),
    "the whole log is deleted": (
        _DELETE_ALL,
        {"acme": {("missing", 1)}},
    ),
    "an organisation is deleted with its log": (
        _DELETE_ALL + "; DELETE FROM tenants_tenant WHERE id = '{acme}'",
        {"": {("missing", None)}},
    ),
    "events change places under their seals": (
        _SWAP_EVENTS,
        {"acme": {("reordered", 3), ("reordered", 6)}},
    ),
    "seals change places with their events": (
        _SWAP_SEALS,
        {"acme": {("reordered", 3), ("reordered", 4)}},
    ),
    "events change their times": (_SWAP_TIMES, {"acme": {("edited", 3), ("edited", 5)}}),
    "a seal is altered": (_ALTER_SEAL % "acme4", {"acme": {("seal_altered", 4)}}),
    "the last seal is altered": (_ALTER_SEAL % "acme8", {"acme": {("seal_altered", 8)}}),
    "an event and its seal are altered": (
        "UPDATE tenants_auditevent SET action = ''" + _FOURTH + ";" + _ALTER_SEAL % "acme4",
        {"acme": {("edited", 4), ("edited", 5)}},
    ),
    "an event is forged with its seal": (_FORGE, {"acme": {("forged", 9), ("head", 8)}}),
    "an event is moved": (
        "UPDATE tenants_auditevent SET tenant_id = '{globex}' WHERE id = '{acme4}'",
        {"acme": {("moved", 4)}},
    ),
    "an event is moved with its seal": (
        _MOVE_BOTH,
        {"acme": {("moved", 4)}, "globex": {("moved", 7), ("head", 6)}},
    ),
    "a chain takes another's place": (
        _COPY_CHAIN,
        {
            "acme": {("moved", number) for number in range(1, 7)},
            "globex": {("moved", number) for number in range(1, 7)} | {("head", 6)},
        },
    ),
}
