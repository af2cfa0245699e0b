from django.urls import URLPattern, path

from documents.views import bulk, chunks, collections, details, documents, logo, masking, passages, sources

_PAGE = "d/<uuid:document>/v/<int:number>/p/<int:page>"
_DOCUMENT = "documents/<uuid:document>"

urlpatterns: list[URLPattern] = [
    path("documents/", documents.documents, name="documents"),
    path("documents/upload/", documents.upload, name="upload"),
    path("documents/bulk/", bulk.bulk, name="documents-bulk"),
    path("documents/undo/", bulk.undo_move, name="documents-undo"),
    path(f"{_DOCUMENT}/", details.document, name="document"),
    path(f"{_DOCUMENT}/change/", details.change, name="document-change"),
    path(f"{_DOCUMENT}/delete/", details.delete, name="document-delete"),
    path(f"{_DOCUMENT}/retry/", details.retry, name="document-retry"),
    path(f"{_DOCUMENT}/cancel/", details.cancel, name="document-cancel"),
    path(f"{_DOCUMENT}/chunks/", chunks.chunks, name="document-chunks"),
    path(f"{_DOCUMENT}/chunks/apply/", chunks.apply, name="document-chunks-apply"),
    path(f"{_DOCUMENT}/versions/", details.replace, name="document-replace"),
    path(f"{_DOCUMENT}/versions/<int:number>/restore/", details.restore, name="document-restore"),
    path("settings/organisation/logo/", logo.change, name="logo-change"),
    path("settings/masking/", masking.masking, name="settings-masking"),
    path("settings/masking/change/", masking.change, name="masking-change"),
    path("settings/masking/try/", masking.try_out, name="masking-try"),
    path("settings/masking/apply/", masking.apply, name="masking-apply"),
    path("collections/", collections.create, name="collection-create"),
    path("collections/<uuid:collection>/", collections.collection, name="collection"),
    path("collections/<uuid:collection>/rename/", collections.rename, name="collection-rename"),
    path("collections/<uuid:collection>/delete/", collections.delete, name="collection-delete"),
    path("sources/", sources.add_page, name="web-page-add"),
    path("sources/<uuid:source>/look/", sources.look, name="source-look"),
    path("sources/<uuid:source>/change/", sources.change, name="source-change"),
    path("sources/<uuid:source>/remove/", sources.remove, name="source-remove"),
    path("collections/<uuid:collection>/access/", collections.collection_access, name="collection-access"),
    path(_PAGE, passages.passage, name="passage"),
    path(f"{_PAGE}.json", passages.passage_data, name="passage-data"),
    path(f"{_PAGE}.png", passages.page_picture, name="page-image"),
    path("d/<uuid:document>/v/<int:number>/original", passages.original, name="original"),
]
