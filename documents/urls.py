from django.urls import URLPattern, path

from documents import views

_PAGE = "d/<uuid:document>/v/<int:number>/p/<int:page>"

urlpatterns: list[URLPattern] = [
    path("documents/", views.documents, name="documents"),
    path("documents/upload/", views.upload, name="upload"),
    path("documents/<uuid:document>/delete/", views.delete, name="document-delete"),
    path("documents/<uuid:document>/retry/", views.retry, name="document-retry"),
    path("collections/", views.create, name="collection-create"),
    path("collections/<uuid:collection>/access/", views.collection_access, name="collection-access"),
    path(_PAGE, views.passage, name="passage"),
    path(f"{_PAGE}.json", views.passage_data, name="passage-data"),
    path(f"{_PAGE}.png", views.page_picture, name="page-image"),
    path("d/<uuid:document>/v/<int:number>/original", views.original, name="original"),
]
