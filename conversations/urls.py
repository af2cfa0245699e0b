from django.urls import path

from conversations import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/", views.create, name="conversation-create"),
    path("c/<uuid:conversation>/", views.conversation, name="conversation"),
    path("c/answers/<uuid:message>/why/", views.why, name="answer-why"),
    path("c/<uuid:conversation>/rename/", views.rename, name="conversation-rename"),
    path("c/<uuid:conversation>/delete/", views.delete, name="conversation-delete"),
]
