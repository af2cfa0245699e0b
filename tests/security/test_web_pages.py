"""Rows S1 to S5: pages that people name, fetched from hosts that lie."""

from __future__ import annotations

import gzip
import ipaddress
import itertools
import socket
import sys
import threading
import time
from collections.abc import Callable

import pytest
import requests

from documents.sources import Item, SourceError, WebPageSource, WebTerms, readable_address
from tenants.addresses.outbound_requests import PublicSession
from tenants.addresses.web_addresses import AddressInvalid, parse_web_address
from tests.standins.web import Page, WebStandIn


def terms(web: WebStandIn, *, seconds: float = 2.0, max_bytes: int = 200_000) -> WebTerms:
    return WebTerms(max_bytes=max_bytes, seconds=seconds, private_hosts={web.host})


def looked(web: WebStandIn, path: str, **how: float) -> Item:
    [item] = WebPageSource(f"{web.url}{path}", terms(web, **how)).look({}).items  # type: ignore[arg-type]
    return item


def refusal(url: str, of: WebTerms) -> str:
    with pytest.raises(SourceError) as refused:
        WebPageSource(url, of).look({})
    assert len(refused.value.detail) > 20
    return refused.value.code


OPEN = WebTerms(max_bytes=1000, seconds=2.0)

INTERNAL = """
    http://127.0.0.1/ http://127.8.9.10/ http://localhost/ http://LOCALHOST./ http://[::1]/ http://0.0.0.0/ http://[::]/
    http://10.1.2.3/ http://172.16.0.1/ http://192.168.1.1/ http://100.64.0.1/ http://169.254.169.254/latest/meta-data/
    http://[fe80::1]/ http://[fd00::1]/ http://[fec0::1]/ http://224.0.0.1/ http://255.255.255.255/ http://192.0.2.1/
    http://[::ffff:127.0.0.1]/ http://[::ffff:a00:1]/ http://[::127.0.0.1]/ http://[64:ff9b::7f00:1]/
    http://[64:ff9b:1::a00:1]/ http://[2002:7f00:1::]/ http://[2001:0:7f00:1::]/ https://127.0.0.1/ https://[::1]/
""".split()


def test_S1_addresses_that_are_not_the_internets_are_refused() -> None:
    assert {url: refusal(url, OPEN) for url in INTERNAL} == dict.fromkeys(INTERNAL, "address_refused")


def test_S1_nothing_is_sent_to_such_a_host(web: WebStandIn) -> None:
    web.pages["/"] = Page("secret")
    with PublicSession(seconds=2, allows_http=True) as session, pytest.raises(requests.ConnectionError):
        session.get(f"{web.url}/")
    assert web.requests == []
    # The positive twin.
    with PublicSession(seconds=2, private_hosts={web.host}) as session:
        assert session.get(f"{web.url}/").text == "secret"


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
def test_S1_each_redirect_is_checked_as_the_first_address(web: WebStandIn, status: str) -> None:
    def leads_to(place: str) -> Page:
        return Page("", status=f"{status} Elsewhere", headers={"Location": place})

    targets = ["http://127.0.0.2/", "http://localhost/", "file:///etc/passwd", "//[::1]/", "http://a@b.example/"]
    targets += [f"http://localhost:{web.host.partition(':')[2]}/", "http://127.1/", "gopher://127.0.0.1/"]
    targets += ["//[", "http://[::1", "//ex\N{ACCOUNT OF}mple/".encode().decode("latin-1")]
    for target in targets:
        web.pages["/away"] = leads_to(target)
        assert refusal(f"{web.url}/away", terms(web)) == "address_refused", target
    assert {path for _, path, _ in web.requests} == {"/away"}
    web.pages |= {"/away": leads_to("here?x=1#top"), "/here?x=1": Page("<title>Here</title>")}
    assert looked(web, "/away").title == "Here"


def test_S1_a_way_round_in_circles_ends(web: WebStandIn) -> None:
    web.pages["/a"] = Page("", status="302 Found", headers={"Location": "/b"})
    web.pages["/b"] = Page("", status="302 Found", headers={"Location": "/a"})
    assert refusal(f"{web.url}/a", terms(web)) == "page_moved"
    assert len(web.requests) == 6


@pytest.mark.parametrize("port", [0, 1, 22, 25, 81, 6379, 8080, 65535, 65536, 99999])
def test_S1_only_the_webs_ports(port: int) -> None:
    with pytest.raises(SourceError):
        readable_address(f"http://example.org:{port}/")
    assert readable_address("http://example.org:443/").port == 443


def test_S1_the_only_way_out_is_the_proxy_to_the_address_that_was_checked(web: WebStandIn) -> None:
    web.pages["/page"] = Page("<title>By proxy</title>")
    [item] = WebPageSource("http://8.8.8.8/page", WebTerms(1000, 2.0, proxy=web.host)).look({}).items
    assert item.title == "By proxy"
    assert [request[:2] for request in web.requests] == [("CONNECT", "8.8.8.8:80"), ("GET", "/page")]
    web.requests.clear()
    assert refusal("http://127.0.0.1/page", WebTerms(1000, 2.0, proxy=web.host)) == "address_refused"
    assert web.requests == []


ODD_HOSTS = """
    http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://127.1/ http://0177.0.0.1/ http://127.0.0.1.5/ http://1/
    http://127.0.0.01/ http://%31%32%37.0.0.1/ http://127.0.0.1%2f@example.org/ http://exa%6dple.org/ http://example..org/
    http://-a.example/ http://a-.example/ http://[::1%25lo]/ http://[127.0.0.1]/ http://[::1/ http://::1/ http://[]/
""".split()


def test_S2_hosts_that_are_written_oddly_are_refused() -> None:
    accepted = []
    for url in ODD_HOSTS:
        try:
            accepted.append(parse_web_address(url).url)
        except AddressInvalid:
            continue
    assert accepted == []
    # What is the same name to the internet is that name here: only then is it checked.
    same = {
        "http://１２７.0.0.1/": "127.0.0.1",
        "http://ⓛocalhost/": "localhost",
        "http://127。0。0。1/": "127.0.0.1",
    }
    assert {url: parse_web_address(url).host for url in same} == same
    assert {url: refusal(url, OPEN) for url in same} == dict.fromkeys(same, "address_refused")


CONFUSING = (
    "http://good.example@127.0.0.1/", "http://good.example:pass@127.0.0.1/", "http://@127.0.0.1/",
    "http://good.example\\@127.0.0.1/", "http:\\\\127.0.0.1/", "http:/127.0.0.1/", "http:127.0.0.1",
    "//127.0.0.1/",
    "http:///127.0.0.1/", "http://good.example\t@127.0.0.1/", "http://good.example /", "http://good.example\n/",
    "http://good.example\x00.127.0.0.1/", "http://good.example\u00a0/", "ftp://good.example/",
    "javascript:alert(1)",
    "file:///etc/passwd", "data:text/html,x", "good.example", "", "http://", "https://?x", "http://:80/",
    "http://good.example:/x:y@z", "http://good.example:80:80/", "http://good.example:+80/",
    "http://good.example:8 0/",
    "http://" + "a" * 64 + ".example/", "http://good.example/" + "x" * 2100, "jar:http://good.example!/",
)  # fmt: skip


def test_S3_what_two_parsers_may_read_differently_is_refused() -> None:
    accepted = []
    for url in CONFUSING:
        try:
            accepted.append(parse_web_address(url).url)
        except AddressInvalid:
            continue
    assert accepted == []


@pytest.mark.parametrize(
    ("given", "fetched"),
    [
        ("HTTPS://Example.ORG", "https://example.org/"),
        (" https://example.org:443/a?b=c#d ", "https://example.org/a?b=c"),
        ("http://example.org./x y".replace(" ", "%20"), "http://example.org/x%20y"),
        ("https://de.wikipedia.org/wiki/Tür?q=ß", "https://de.wikipedia.org/wiki/T%C3%BCr?q=%C3%9F"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[2001:4860:4860:0::8888]/", "http://[2001:4860:4860::8888]/"),
        ("https://example.org/a;b@c:d/e'f(g)", "https://example.org/a;b@c:d/e'f(g)"),
        ("https://example.org?q=1", "https://example.org/?q=1"),
    ],
)
def test_S3_what_is_fetched_is_written_anew(given: str, fetched: str) -> None:
    address = parse_web_address(given)
    assert address.url == fetched
    assert parse_web_address(fetched) == address


_heard: list[tuple[str, object]] = []
_listens = threading.Event()


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _listens.is_set() and event in {"socket.getaddrinfo", "socket.connect"}:
        _heard.append((event, arguments[0] if event == "socket.getaddrinfo" else arguments[1]))


def test_S4_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(web: WebStandIn) -> None:
    web.pages["/"] = Page("<title>Here</title>")
    port = web.host.partition(":")[2]
    sys.addaudithook(_listen)
    _heard.clear()
    _listens.set()
    try:
        WebPageSource(f"http://localhost:{port}/", WebTerms(1000, 2.0, {"localhost"})).look({})
    finally:
        _listens.clear()
    names = [name for event, name in _heard if event == "socket.getaddrinfo"]
    assert [name for name in names if not _is_address(str(name))] == ["localhost"]
    connected = [place[0] for event, place in _heard if event == "socket.connect" and isinstance(place, tuple)]
    assert connected
    assert all(_is_address(str(host)) for host in connected)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def raw(
    *pieces: bytes, every: float = 0.0, last: Callable[[], object] = lambda: None
) -> Callable[[socket.socket], None]:
    """Sends pieces one after the other, and goes."""

    def send(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every)

    return send


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def test_S5_too_much_is_cut(web: WebStandIn) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    web.pages |= {
        "/said": raw(HEAD + b"Content-Length: 99999999\r\n\r\n" + b"x" * 300_000),
        "/endless": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *itertools.repeat(chunk, 20)),
        "/until-the-end": raw(HEAD + b"\r\n" + b"x" * 300_000),
        "/bomb": Page(bomb, headers={"Content-Encoding": "gzip"}),
    }
    for path in web.pages:
        assert refusal(f"{web.url}{path}", terms(web)) == "page_too_large", path
    web.pages["/fits"] = Page(gzip.compress(b"<p>fits" * 1000), headers={"Content-Encoding": "gzip"})
    with looked(web, "/fits").open() as content:
        assert content.read() == b"<p>fits" * 1000


def test_S5_whoever_trickles_is_cut_off(web: WebStandIn) -> None:
    """In the head, in the body, between redirects, or by saying nothing at all."""
    drops = [b"x"] * 100
    gone = threading.Event()
    web.pages |= {
        "/silent": lambda _connection: gone.wait(5),
        "/head": raw(HEAD, *[b"X-A: b\r\n"] * 90, every=0.05),
        "/body": raw(HEAD + b"Content-Length: 100\r\n\r\n", *drops, every=0.05),
        "/chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 100, every=0.05),
        "/open-end": raw(HEAD + b"\r\n", *drops, every=0.05),
    }
    for path in list(web.pages):
        began = time.monotonic()
        assert refusal(f"{web.url}{path}", terms(web, seconds=0.25)) == "page_too_slow", path
        assert time.monotonic() - began < 3, path
    for step in range(5):
        away = f"HTTP/1.1 302 Found\r\nLocation: /step{step + 1}\r\nContent-Length: 0\r\n\r\n".encode()
        web.pages[f"/step{step}"] = raw(b"", away, every=0.1)
    assert refusal(f"{web.url}/step0", terms(web, seconds=0.25)) == "page_too_slow"
    gone.set()


def test_S5_what_breaks_off_or_makes_no_sense_is_no_page(web: WebStandIn) -> None:
    packed = gzip.compress(b"<p>Much of it." * 100)
    web.pages |= {
        "/short": raw(HEAD + b"Content-Length: 1000\r\n\r\nhalf"),
        "/chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhal"),
        "/nonsense": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        "/nothing": raw(),
        "/packed-short": Page(packed[:-20], headers={"Content-Encoding": "gzip"}),
        "/not-packed": Page("plain", headers={"Content-Encoding": "gzip"}),
        "/brotli": Page("??", headers={"Content-Encoding": "br"}),
    }
    for path in web.pages:
        assert refusal(f"{web.url}{path}", terms(web)) == "page_unreachable", path


@pytest.mark.parametrize(
    ("path", "type_", "name"),
    [
        ("/rules", "text/html", "rules.html"),
        ("/rules.php", "text/html;charset=x", "rules.php.html"),
        ("/", "application/xhtml+xml", "127.0.0.1.html"),
        ("/a/rules.pdf", "text/html", "rules.html"),
        ("/notes.md", "text/plain", "notes.md"),
        ("/notes", "text/plain", "notes.txt"),
        ("/notes", "text/markdown", "notes.md"),
        ("/table.csv", "text/csv; header=present", "table.csv"),
        ("/table.csv", "text/plain", "table.csv"),
        ("/get?file=1", "application/pdf", "get.pdf"),
        ("/report.PDF", "application/pdf", "report.PDF"),
        ("/report.docx", "application/octet-stream", "report.docx"),
        ("/%E4%BE%A1%E6%A0%BC.html", "text/html", "価格.html"),
        ("/a%2Fpasswd", "text/plain", "passwd.txt"),
    ],
)
def test_S5_types_that_are_read_get_their_ending(web: WebStandIn, path: str, type_: str, name: str) -> None:
    web.pages[path] = Page("Some text.", type=type_)
    assert looked(web, path).name == name


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/logo.png", "image/png"),
        ("/page.html", "application/json"),
        ("/film", "video/mp4"),
        ("/app.js", "text/javascript"),
        ("/all.zip", "application/zip"),
        ("/setup.exe", "application/octet-stream"),
        ("/unsaid", ""),
        ("/page.html", "text/html, image/png"),
        ("/page", "x" * 5000),
    ],
)
def test_S5_other_types_are_refused(web: WebStandIn, path: str, type_: str) -> None:
    web.pages[path] = Page("Some text.", type=type_)
    assert refusal(f"{web.url}{path}", terms(web)) == "page_type_refused"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, "page_gone") for status in ("404 Not Found", "410 Gone")),
        *((status, "page_forbidden") for status in ("401 No", "403 No")),
        *((status, "page_failed") for status in ("500 Oh", "503 Busy", "206 Part", "304 Same", "204 Nothing")),
    ],
)
def test_an_answer_that_is_no_page_says_what_it_is(web: WebStandIn, status: str, code: str) -> None:
    web.pages["/"] = Page("" if status[:3] in {"304", "204"} else "No.", status=status)
    assert refusal(f"{web.url}/", terms(web)) == code


@pytest.mark.parametrize(
    ("body", "type_", "title"),
    [
        ("<title> Terms \n &amp; conditions</title>", "text/html", "Terms & conditions"),
        ("<TITLE lang=en>Größe</TITLE>".encode("latin-1"), "text/html; charset=iso-8859-1", "Größe"),
        ("<meta charset=shift_jis><title>価格</title>".encode("shift_jis"), "text/html", "価格"),
        ("<title>a</title>", "text/html; charset=no-such", "a"),
        ("<title>a</title>", "text/html; charset=zip", "a"),
        ("<meta charset=hex><title>a</title>", "text/html", "a"),
        ("<title>" + "x" * 2000, "text/html", ""),
        ("<title>\x1b[31m&#27;red</title>", "text/html", "[31mred"),
        ("<p>No title", "text/html", ""),
        ("<title>no page</title>", "text/plain", ""),
    ],
)
def test_titles(web: WebStandIn, body: str | bytes, type_: str, title: str) -> None:
    web.pages["/"] = Page(body, type=type_)
    assert looked(web, "/").title == title


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 2024 00:00:00 +99999999999999999999", "Mon, 01 Jan 99999 00:00:00 GMT"]
)
def test_S5_a_date_that_is_none_is_left_out(web: WebStandIn, date: str) -> None:
    web.pages["/dated"] = Page("<title>Dated</title>", headers={"Last-Modified": date})
    web.pages["/later"] = Page("", status="503 Later", headers={"Retry-After": date})
    assert looked(web, "/dated").changed_at is None
    assert refusal(f"{web.url}/later", terms(web)) == "page_failed"
