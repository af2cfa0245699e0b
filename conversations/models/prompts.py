"""Questions and phrases that people keep to ask again."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import TenantModel


class SavedPrompt(TenantModel):
    """Its author's alone unless it is shared, which the whole organisation then sees.

    A shared one outlives its author's account: then nobody's, and the admins' to change. `{{name}}` in the text is
    a place that whoever uses it fills in.
    """

    author_id = models.UUIDField(null=True)
    title = models.CharField(_("title"), max_length=120)
    text = models.TextField(_("text"))
    is_shared = models.BooleanField(_("shared"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "author_id"], name="prompt_by_author")]

    def __str__(self) -> str:
        return self.title
