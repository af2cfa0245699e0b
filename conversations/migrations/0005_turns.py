"""Every question follows an answer now: those that exist follow the last one given before them."""

from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations, models

from tenants.db import for_each_tenant

FOLLOW = """
    UPDATE conversations_message AS question SET parent_id = (
        SELECT answer.id FROM conversations_message AS answer
        WHERE answer.tenant_id = %(tenant)s AND answer.conversation_id = question.conversation_id
          AND answer.role = 'assistant' AND answer.created_at < question.created_at
        ORDER BY answer.created_at DESC, answer.id DESC LIMIT 1
    )
    WHERE question.tenant_id = %(tenant)s AND question.role = 'user' AND question.parent_id IS NULL
"""


def follow_answers(apps, schema_editor):
    def follow(apps: Apps, tenant_id: UUID) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(FOLLOW, {"tenant": tenant_id})

    for_each_tenant(apps, schema_editor, follow)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0004_answer_traces")]
    operations = [
        migrations.AddField("conversation", "leaf_id", models.UUIDField(null=True)),
        migrations.AddField("message", "asked_of", models.JSONField(default=dict, db_default={})),
        migrations.AddField("message", "continued", models.JSONField(default=list, db_default=[])),
        # Last: rows with checks pending would keep the table from being altered.
        migrations.RunPython(follow_answers, migrations.RunPython.noop),
    ]
