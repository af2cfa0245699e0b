"""The portal's pages with made-up content and a made-up server behind their sockets, to look at while styling them."""

import asyncio, io, json, sys, uuid
from datetime import datetime, UTC
from pathlib import Path
from types import SimpleNamespace as NS

import django
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import include, path, reverse

BASE = Path(__file__).resolve().parents[3]
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types docent")


def csp(get):
    def mw(request):
        response = get(request)
        response["Content-Security-Policy"] = CSP
        return response
    return mw


def frame(request):
    now = [
        {"label": "Today", "items": [
            {"id": CONV, "title": "Working from abroad", "url": f"/o/acme/c/{CONV}/", "running": False},
            {"id": uuid.uuid4(), "title": "Notice periods for contractors", "url": "#", "running": True}]},
        {"label": "Yesterday", "items": [{"id": uuid.uuid4(), "title": "What does the travel policy say about night trains and sleepers", "url": "#", "running": False}]},
        {"label": "Last 7 days", "items": [{"id": uuid.uuid4(), "title": t, "url": "#", "running": False} for t in ("Fire drill roles", "Parental leave", "Lease of the Lisbon office")]},
        {"label": "Older", "items": [{"id": uuid.uuid4(), "title": t, "url": "#", "running": False} for t in ("Printer on floor 3", "Pension scheme 2024")]}]
    return {"tenant": {"name": "Harbour & Finch", "slug": "acme"}, "user": NS(email="ada@harbourfinch.example"), "role": "owner",
            "memberships": [{"name": "Harbour & Finch", "slug": "acme", "url": "/o/acme/"}, {"name": "Northwind Trust", "slug": "nw", "url": "/o/nw/"}],
            "conversations": [] if "fresh" in request.GET else now, "current": None, "can_upload": True, "person_socket_url": "/o/acme/ws/",
            "global_urls": {"home": "/", "login": "/accounts/login/", "logout": "/accounts/logout/", "signup": "/accounts/signup/"},
            "limits": {"max_file_bytes": 50 * 1024 * 1024, "accept": ".pdf,.txt,.md"}}


CONV = uuid.UUID(int=7)
DOC = uuid.UUID(int=9)
TEXT = ("7 Working from abroad\n\nStaff may work from another country for up to thirty days in a calendar year, provided that their manager agrees "
        "in writing at least two weeks ahead.\n\nThe thirty days need not be taken together. Days on business trips are not counted.\n\n"
        "People who hold a residence permit tied to their employment ask People & Places first.\n")


def passage_url(page, start=None, end=None):
    return reverse("portal:passage", args=[DOC, 1, page]) + (f"?start={start}&end={end}" if start is not None else "")


def source(marker, title, page, quote, score, doc=1):
    return {"marker": marker, "document": str(uuid.UUID(int=doc)), "title": title, "start": 26, "end": 126, "version": 2 if doc == 2 else 1, "page": page, "quote": quote, "text": quote,
            "score": score, "cited": True, "url": "http://elsewhere.example" + passage_url(page, 26, 126)}


def evidence():
    a = source(1, "Staff handbook 2026.pdf", 14, "Staff may work from another country for up to thirty days in a calendar year", 0.91)
    b = source(2, "Staff handbook 2026.pdf", 15, "Days on business trips are not counted.", 0.74)
    c = source(3, "Travel and expenses policy.txt", 3, "The cheapest reasonable connection is refunded, night trains included.", 0.52, 2)
    d = source(4, "Minutes of the works council.pdf", 2, "The council asked for more than thirty days.", 0.31, 3)
    e = source(5, "Withdrawn memo.pdf", 1, "", 0.3, 4) | {"url": None, "document": None}
    return [a, b, c, e], [a, b, c, d]


def chip(n, url):
    return f'<a class="chip" data-marker="{n}" href="{url}">{n}</a>'


def blocks():
    u = passage_url(14, 26, 126)
    return [
        f"<p>Yes. You may work from another country for <strong>up to thirty days in a calendar year</strong>, provided that your manager agrees in writing at least two weeks ahead.{chip(1, u)} Days on business trips are not counted against the thirty.{chip(2, passage_url(15, 26, 126))}</p>",
        f"<p>Before you book, three things are worth knowing:</p>",
        f"<ul><li>The thirty days need not be taken together.{chip(1, u)}</li><li>If your residence permit is tied to your employment, ask <em>People &amp; Places</em> first.{chip(1, u)}</li><li>Night trains are refunded like any other connection.{chip(3, passage_url(3, 26, 126))}</li></ul>",
        "<table><thead><tr><th>Stay</th><th>Who agrees</th><th>Ahead</th></tr></thead><tbody><tr><td>Up to 5 days</td><td>Team lead</td><td>2 days</td></tr><tr><td>Up to 30 days</td><td>Manager</td><td>2 weeks</td></tr></tbody></table>",
        f"<p>An older memo allowed more, but it has been withdrawn.<a class=\"chip\" data-marker=\"5\">5</a></p>",
    ]


def chat(request, conversation=None):
    from django.shortcuts import render
    cites, sources = evidence()
    base = {"status": "finished", "finish": "done", "citations": [], "sources": [], "error": None, "model": "llama3.1:8b", "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "timings": {"search": 0.02, "first_token": 0.412, "total": 3.78}, "html_blocks": []}
    from django.utils.safestring import mark_safe
    def q(t): return {"id": uuid.uuid4(), "role": "user", "content": t, "html_blocks": [], "status": "finished"}
    def a(**k): return base | {"id": uuid.uuid4(), "role": "assistant", "content": ""} | k
    state = request.GET.get("state", "done")
    msgs = [q("May I work from another country for a while, and who has to agree?"), a(html_blocks=[mark_safe(b) for b in blocks()], citations=cites, sources=sources)]
    if state == "ends":
        p = [mark_safe(f"<p>The notice period in the first six months is two weeks.{chip(1, passage_url(14, 26, 126))} After that</p>")]
        msgs += [q("And the notice period?"), a(finish="stopped", status="stopped", html_blocks=p, citations=cites[:1], sources=sources),
                 q("What is the price of the Lisbon lease?"), a(finish="refused", status="refused", html_blocks=[mark_safe("<p>I found nothing about the price of the Lisbon lease in the documents that you can read.</p>")], sources=sources[2:]),
                 q("Who is the fire warden?"), a(finish="failed", status="failed", error={"code": "model_timeout", "detail": "The model gave no answer within 60 seconds.", "retryable": True}),
                 q("Summarise everything, in great detail"), a(finish="length", html_blocks=p),
                 q("And who wrote it?"), a(finish="interrupted", status="failed", html_blocks=p, error={"code": "interrupted", "detail": "", "retryable": True})]
    if state == "running":
        msgs += [q("And the notice period?"), a(id=uuid.UUID(int=77), status="streaming", finish=None)]
    if conversation is None:
        msgs = []
    conv = {"id": CONV, "title": "Working from abroad"} if conversation else None
    n = int(request.GET.get("collections", 3))
    names = ["Staff handbook", "Policies", "Board minutes and resolutions", "Leases", "Contracts", "Archive"][:n]
    ctx = frame(request) | {"conversation": conv, "current": conv, "messages_list": msgs, "collections": [{"id": uuid.UUID(int=i + 1), "name": x, "documents": 12 + i * 7} for i, x in enumerate(names)],
        "sample_questions": ["May I work from abroad, and for how long?", "What is refunded on a night train?", "Who decides about parental leave?", "How long is the notice period?"],
        "model_name": "llama3.1:8b", "socket_url": f"/o/acme/ws/conversations/{CONV}/", "create_url": "/o/acme/create/"}
    return render(request, "chat.html", ctx)


def documents(request):
    from django.shortcuts import render
    cols = [{"id": uuid.UUID(int=i + 1), "name": x, "documents": 2} for i, x in enumerate(["Staff handbook", "Policies", "Board minutes"])]
    def d(i, t, s, **k): return {"id": uuid.UUID(int=100 + i), "name": t, "title": t, "status": s, "progress": 1, "pages": 112, "chunks": 840, "size": 2_345_678, "error": None, "collection": cols[i % 3], "created_at": datetime.now(UTC), "url": "#"} | k
    docs = [d(0, "Annual report 2025.pdf", "embedding", progress=0.62, url=None), d(1, "Scan of the lease.pdf", "failed", error={"code": "no_text", "detail": "This PDF holds only pictures of text. Text recognition is not available yet."}, pages=None, chunks=None, url=None),
            d(2, "Staff handbook 2026.pdf", "ready"), d(3, "Travel and expenses policy.txt", "ready", pages=4, chunks=21, size=18_400), d(4, "minutes_of_the_extraordinary_general_meeting_with_all_annexes_final_v3.pdf", "queued", progress=0, pages=None, chunks=None, url=None)]
    if "fresh" in request.GET:
        docs = []
    return render(request, "documents.html", frame(request) | {"collections": cols, "documents": docs, "section": "documents"})


def page_png():
    from reportlab.pdfgen import canvas
    import pypdfium2
    buffer = io.BytesIO(); c = canvas.Canvas(buffer, pagesize=(595, 842)); c.setFont("Times-Bold", 17); c.drawString(70, 760, "7   Working from abroad"); c.setFont("Times-Roman", 11.5)
    y = 725
    for line in ["Staff may work from another country for up to thirty days in a calendar year, provided that", "their manager agrees in writing at least two weeks ahead.", "", "The thirty days need not be taken together. Days on business trips are not counted."] + ["", "People who hold a residence permit tied to their employment ask People & Places first, since"] * 12:
        c.drawString(70, y, line); y -= 18
    c.save(); image = pypdfium2.PdfDocument(buffer.getvalue())[0].render(scale=2).to_pil(); out = io.BytesIO(); image.save(out, "PNG"); return out.getvalue()


def data(doc, number, page, request):
    rects = [{"x0": 0.115, "y0": 0.127, "x1": 0.885, "y1": 0.143}, {"x0": 0.115, "y0": 0.149, "x1": 0.6, "y1": 0.165}]
    text = number == 2
    return {"title": "Staff handbook 2026.pdf" if not text else "Travel and expenses policy.txt", "name": "handbook.pdf", "version": number, "page": page, "pages": 32, "text": TEXT, "start": TEXT.index("Staff"), "end": TEXT.index("\n\nThe thirty"),
            "rects": [] if text else rects, "image": None if text else reverse("portal:page-image", args=[doc, number, page]), "url": reverse("portal:passage", args=[doc, number, page]) + "?start=26&end=126", "original_url": "/orig"}


def passage(request, document, number, page):
    from django.shortcuts import render
    return render(request, "passage.html", frame(request) | {"passage": data(document, number, page, request) | {"previous_url": "#", "next_url": "#"}})


def passage_data(request, document, number, page):
    if page == 15:
        return JsonResponse({"detail": "Not found"}, status=404)
    return JsonResponse(data(document, number, page, request))


def upload(request):
    f = request.FILES.getlist("files")[0]
    if "reject" in f.name:
        return JsonResponse({"detail": "Not a PDF: the file says it is one, its bytes are a zip archive.", "code": "bad_type"}, status=415, content_type="application/problem+json")
    i = uuid.uuid4(); JOBS.append(str(i))
    return JsonResponse({"results": [{"id": str(i), "name": f.name, "status": "queued"}]}, status=202)


JOBS: list[str] = []


def create(request):
    json.loads(request.body)
    return JsonResponse({"id": str(CONV), "url": f"/o/acme/c/{CONV}/", "socket_url": f"/o/acme/ws/conversations/{CONV}/", "title": "New chat"})


async def websocket(scope, receive, send):
    await receive(); await send({"type": "websocket.accept"})
    out = asyncio.Queue()
    async def pump():
        while True:
            await send({"type": "websocket.send", "text": json.dumps(await out.get())})
    async def jobs():
        while True:
            if JOBS:
                i = JOBS.pop()
                for s, p in [("extracting", .1), ("chunking", .3), ("embedding", .5), ("embedding", .8), ("ready", 1)]:
                    await asyncio.sleep(.5); out.put_nowait({"type": "document", "document": i, "status": s, "progress": p, "pages": 12, "chunks": 80 if p > .4 else None, "error": None})
            await asyncio.sleep(.1)
    async def answer(mid, content):
        cites, sources = evidence()
        def put(**k): out.put_nowait({"message": mid} | k)
        try:
            put(type="status", stage="searching", detail=None); await asyncio.sleep(.6)
            if "refuse" in content:
                put(type="sources", items=sources); put(type="block", index=0, html="<p>I found nothing about that.</p>")
                return put(type="finished", finish_reason="refused", citations=[], usage={}, timings={}, model="llama3.1:8b")
            if "fail" in content:
                return put(type="failed", code="model_unreachable", detail="", retryable=True)
            put(type="sources", items=sources); put(type="thinking", offset=0, text="Let me see, "); put(type="thinking", offset=12, text="the handbook."); await asyncio.sleep(.6); put(type="status", stage="writing", detail=None)
            for i, b in enumerate(blocks()):
                if b.startswith("<p>"):
                    words = b[3:-4].split(" ")
                    n = 0
                    for j in range(1, len(words), 3):
                        part = " ".join(words[:j])
                        if part.count("<") == part.count(">"):
                            put(type="block", index=i, html=f"<p>{part}</p>"); await asyncio.sleep(.05)
                put(type="block", index=i, html=b); await asyncio.sleep(.1)
            put(type="finished", finish_reason="stop", citations=cites, usage={"prompt_tokens": 1820, "completion_tokens": 164}, timings={"first_token": .4, "total": 2.9}, model="llama3.1:8b")
            put(type="title", conversation=str(CONV), title="Working from abroad")
        except asyncio.CancelledError:
            put(type="finished", finish_reason="stopped", citations=[], usage={}, timings={}, model="llama3.1:8b")
    tasks = [asyncio.create_task(pump())]
    if scope["path"].endswith("/ws/"): tasks.append(asyncio.create_task(jobs()))
    replies = {}
    while (event := await receive())["type"] != "websocket.disconnect":
        f = json.loads(event["text"])
        if f["type"] == "ask":
            if "gone" in f["content"]:
                out.put_nowait({"type": "failed", "request_id": f["request_id"], "message": None, "code": "conversation_ended", "detail": "This conversation has ended.", "retryable": False}); continue
            mid = str(uuid.uuid4()); out.put_nowait({"type": "accepted", "request_id": f["request_id"], "question": str(uuid.uuid4()), "message": mid})
            replies[mid] = asyncio.create_task(answer(mid, f["content"]))
        elif f["type"] == "resume": replies[f["message"]] = asyncio.create_task(answer(f["message"], ""))
        elif f["type"] == "stop" and f["message"] in replies: replies[f["message"]].cancel()
    for t in [*tasks, *replies.values()]: t.cancel()


ok = lambda request, **k: HttpResponse("ok")
portal = [path("", chat, name="chat"), path("c/<uuid:conversation>/", chat, name="conversation"), path("documents/", documents, name="documents"), path("upload/", upload, name="upload"), path("create/", create, name="create"),
          path("documents/<uuid:d>/delete/", ok, name="document-delete"), path("documents/<uuid:d>/retry/", ok, name="document-retry"), path("d/<uuid:document>/v/<int:number>/p/<int:page>", passage, name="passage"),
          path("d/<uuid:document>/v/<int:number>/p/<int:page>.json", passage_data, name="passage-data"), path("d/<uuid:document>/v/<int:number>/p/<int:page>.png", lambda r, **k: HttpResponse(page_png(), content_type="image/png"), name="page-image"),
          path("c/<uuid:c>/delete/", ok, name="conversation-delete"), path("c/<uuid:c>/rename/", ok, name="conversation-rename"), path("collections/", ok, name="collection-create")]


def page(template, **extra):
    from django.shortcuts import render
    return lambda request: render(request, template, frame(request) | extra)


def login(request):
    from django import forms
    from django.shortcuts import render
    class F(forms.Form):
        login = forms.EmailField(label="E-mail", widget=forms.EmailInput(attrs={"placeholder": "Email address", "autocomplete": "email"})); password = forms.CharField(label="Password", widget=forms.PasswordInput); remember = forms.BooleanField(label="Remember me", required=False)
    form = F({"login": "ada"}) if "bad" in request.GET else F()
    if "bad" in request.GET: form.is_valid(); form.add_error(None, "The e-mail address or the password is not right.")
    return render(request, "account/login.html", frame(request) | {"form": form, "signup_url": "/x"})


urlpatterns = [path("o/acme/", include((portal, "portal"))), path("", page("home.html")), path("choose/", page("choose_organisation.html")), path("500/", page("500.html")), path("404/", page("404.html")), path("accounts/login/", login, name="account_login"), path("accounts/logout/", ok, name="account_logout"),
               path("accounts/reset/", ok, name="account_reset_password"), path("accounts/signup/", ok, name="account_signup"), path("orig", ok)]

settings.configure(DEBUG=True, SECRET_KEY="x" * 50, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], STATIC_URL="/static/", STATICFILES_DIRS=[BASE / "static"], USE_TZ=True, USE_I18N=True, DEFAULT_CHARSET="utf-8",
    INSTALLED_APPS=["django.contrib.staticfiles", "heroicons"], MIDDLEWARE=[f"{__name__}.csp", "django.middleware.csrf.CsrfViewMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE / "templates"], "OPTIONS": {"loaders": ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"], "context_processors": ["django.template.context_processors.request", "django.template.context_processors.i18n"]}}])
django.setup()
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
http = ASGIStaticFilesHandler(get_asgi_application())


async def application(scope, receive, send):
    if scope["type"] == "websocket": return await websocket(scope, receive, send)
    if scope["type"] == "lifespan": return None
    return await http(scope, receive, send)


if __name__ == "__main__":
    import uvicorn
    sys.modules["serve"] = sys.modules["__main__"]
    uvicorn.run(application, port=int(sys.argv[1]), log_level="warning", lifespan="off")
