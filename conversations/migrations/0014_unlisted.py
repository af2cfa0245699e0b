from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0013_links_and_words")]
    operations = [
        migrations.AddField(
            "conversation", "unlisted_until", models.DateTimeField(null=True, blank=True)
        ),
        migrations.RemoveIndex("conversation", "conversation_recent"),
        migrations.AddIndex(
            "conversation",
            models.Index(
                condition=models.Q(("unlisted_until__isnull", True)),
                fields=["tenant", "author_id", "-updated_at", "-id"],
                name="conversation_listed",
            ),
        ),
        migrations.AddIndex(
            "conversation",
            models.Index(
                condition=models.Q(("unlisted_until__isnull", False)),
                fields=["tenant", "unlisted_until"],
                name="conversation_unlisted",
            ),
        ),
    ]
