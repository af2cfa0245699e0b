from django.db import migrations, models

from tenants.db import for_each_tenant


def gather_words(apps, schema_editor):
    """The words of what has been said until now, from the pieces that it was cut into.

    Not where the table is made: PostgreSQL checks a new foreign key of rows that are there already by what the
    owner sees, which is one organisation's.
    """

    def gather(_apps, tenant_id):
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO conversations_conversationwords (id, tenant_id, conversation_id, author_id, words)
                SELECT gen_random_uuid(), %(tenant)s, c.id, c.author_id,
                       array_to_tsvector((array_agg(DISTINCT w.word))[:12000])
                FROM conversations_conversation c
                JOIN conversations_message m ON m.tenant_id = %(tenant)s AND m.conversation_id = c.id
                JOIN conversations_messagechunk p ON p.tenant_id = %(tenant)s AND p.message_id = m.id
                CROSS JOIN LATERAL unnest(tsvector_to_array(p.words)) AS w (word)
                WHERE c.tenant_id = %(tenant)s AND octet_length(w.word) <= 64
                GROUP BY c.id
                ON CONFLICT (tenant_id, conversation_id) DO NOTHING
                """,
                {"tenant": tenant_id},
            )

    for_each_tenant(apps, schema_editor, gather)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0012_life")]
    operations = [
        migrations.AddField("sharereader", "is_by_link", models.BooleanField(default=False)),
        # Last: rows with checks pending would keep the table from being altered.
        migrations.RunPython(gather_words, migrations.RunPython.noop),
    ]
