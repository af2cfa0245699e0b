from django.urls import path

from documents.api.views.chunks import ChunksView
from documents.api.views.collections import CollectionStatsView, CollectionsView, CollectionView
from documents.api.views.contents import EventsView, FileView, PageImageView, PageTextView
from documents.api.views.documents import CancelView, DocumentsView, DocumentView, ReprocessView
from documents.api.views.versions import RestoreView, VersionsView
from tenants.api.asynchronous import as_async_view

_COLLECTION = "collections/<uuid:collection_id>/"
_DOCUMENT = "documents/<uuid:document_id>/"
_PAGE = f"{_DOCUMENT}pages/<int:number>/"

urlpatterns = [
    path("collections/", CollectionsView.as_view(), name="collections"),
    path(_COLLECTION, CollectionView.as_view(), name="collection"),
    path(f"{_COLLECTION}stats/", CollectionStatsView.as_view(), name="collection-stats"),
    path("documents/", DocumentsView.as_view(), name="documents"),
    path(_DOCUMENT, DocumentView.as_view(), name="document"),
    path(f"{_DOCUMENT}file/", as_async_view(FileView), name="document-file"),
    path(f"{_DOCUMENT}chunks/", ChunksView.as_view(), name="document-chunks"),
    path(f"{_DOCUMENT}versions/", VersionsView.as_view(), name="document-versions"),
    path(f"{_DOCUMENT}versions/<int:number>/restore/", RestoreView.as_view(), name="document-restore"),
    path(f"{_DOCUMENT}reprocess/", ReprocessView.as_view(), name="document-reprocess"),
    path(f"{_DOCUMENT}cancel/", CancelView.as_view(), name="document-cancel"),
    path(f"{_DOCUMENT}events/", as_async_view(EventsView), name="document-events"),
    path(_PAGE, as_async_view(PageTextView), name="document-page"),
    path(f"{_PAGE}image/", as_async_view(PageImageView), name="document-page-image"),
]
