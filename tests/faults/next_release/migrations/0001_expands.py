"""The first of two phases: a column that fills itself, so that those who do not know of it go on writing rows."""

from django.db import migrations

_ADD = "ALTER TABLE conversations_conversation ADD COLUMN next_release text NOT NULL DEFAULT ''"
_REMOVE = "ALTER TABLE conversations_conversation DROP COLUMN next_release"


class Migration(migrations.Migration):
    dependencies = [("conversations", "0017_deleted_and_temporary")]

    operations = [migrations.RunSQL(_ADD, _REMOVE)]
