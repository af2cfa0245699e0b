from django.urls import path

from conversations.widget import api, views

urlpatterns = [
    path("v1.js", views.script, name="widget-script"),
    path("<str:key>/", views.frame, name="widget-frame"),
    path("api/<str:key>/session/", api.session, name="widget-session"),
    path("api/<str:key>/ask/", api.ask, name="widget-ask"),
    path("api/<str:key>/conversations/", api.conversations, name="widget-conversations"),
    path("api/<str:key>/conversations/<uuid:conversation>/", api.messages, name="widget-messages"),
    path("api/<str:key>/answers/<uuid:message>/events/", api.events, name="widget-events"),
    path("api/<str:key>/answers/<uuid:message>/stop/", api.stop, name="widget-stop"),
]
