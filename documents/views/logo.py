"""Settings: the organisation's logo. It stands here because pictures are read where files are: in the sandbox."""

from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _

from documents.extraction import ExtractionError, Limits, draw_logo
from tenants.access import Access
from tenants.errors import InvalidInput
from tenants.permissions import Action
from tenants.services.branding import set_logo
from tenants.web.settings_pages import settings_form

PAGE = "settings-organisation"
_MOST_BYTES = 2 * 1024 * 1024
_LIMITS = Limits(seconds=10.0)


@settings_form(Action.MANAGE_TENANT, page=PAGE)
def change(request: HttpRequest, access: Access) -> None:
    """Take the picture of the form; SVG is refused, for it can hold more than a picture."""
    sent = request.FILES.get("logo")
    if not isinstance(sent, UploadedFile):
        raise InvalidInput.at("/logo", _("Choose a picture first."), "required")
    if (sent.size or 0) > _MOST_BYTES:
        raise InvalidInput.at("/logo", _("A logo has at most 2 MB."), "too_large")
    image, width, height = _drawn(cast("BinaryIO", sent))
    set_logo(access=access, image=image, width=width, height=height)
    messages.success(request, _("The logo is saved."))


def _drawn(sent: BinaryIO) -> tuple[bytes, int, int]:
    with NamedTemporaryFile() as copy:
        copyfileobj(sent, copy)
        copy.flush()
        try:
            return draw_logo(
                Path(copy.name), limits=_LIMITS, allow_unisolated=settings.DOCENT_ALLOW_UNISOLATED_PARSER
            )
        except ExtractionError as error:
            raise InvalidInput.at("/logo", error.detail, error.code) from error
