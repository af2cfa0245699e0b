from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0009_headings_of_pages")]

    operations = [
        migrations.AddField(
            model_name="embeddingindex",
            name="hnsw_built_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="embeddingindex",
            name="hnsw_measured_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="embeddingindex",
            name="hnsw_size",
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="embeddingindex",
            name="hnsw_ef_search",
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="embeddingindex",
            name="hnsw_recall",
            field=models.FloatField(editable=False, null=True),
        ),
        # A passage and its words, 3 kB, in one place: to look for a word takes a sixth of the time. Rows that are
        # there already stay as they are until they are written anew.
        migrations.RunSQL(
            "ALTER TABLE documents_chunk SET (toast_tuple_target = 4080)",
            "ALTER TABLE documents_chunk RESET (toast_tuple_target)",
        ),
    ]
