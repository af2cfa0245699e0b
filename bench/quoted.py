"""The figures that the README quotes, each with the command that prints it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quoted:
    """A row of the README begins with `row`; `module` prints a figure in whose name is `figure`."""

    row: str
    module: str
    figure: str


QUOTED = (
    Quoted(
        "First token beyond the model's own, median of 40, over REST",
        "first_token",
        "First token over the model's",
    ),
    Quoted("The same over a WebSocket", "first_token", "First token over the model's own, {door}"),
    Quoted("PDF ingestion, 400 pages in 4 files", "ingestion", "PDF ingestion, {pages} pages"),
    Quoted(
        "The same beside the embedding model alone", "ingestion", "of those that the embedding model alone makes"
    ),
    Quoted(
        "First passages of a file of 400 pages found",
        "ingestion",
        "First passages of a file of {file.pages} pages",
    ),
    Quoted("Search among 10,000 passages", "search.run", "Search among {size:,} passages, eight people"),
    Quoted("Search among 200,000 passages", "search.run", "Search among {size:,} passages, eight people"),
    Quoted(
        "Verified quotations that stand in their source", "citations", "verified quotes that stand in their source"
    ),
    Quoted("100 people, two questions each", "chat.run", "{about}: first token over the model's own, P95"),
    Quoted("The same: acknowledged; tokens late", "chat.run", "{about}: tokens late, P95"),
    Quoted(
        "The same: processor seconds for 1,000 tokens", "chat.run", "processor seconds of all processes for 1,000"
    ),
    Quoted("All at the same instant: first token", "chat.run", "{about}: first token over the model's own, P95"),
    Quoted("300 people over 30 s", "chat.run", "{about}: errors, and answers that were not read"),
    Quoted("An idle socket, 5,000 of them held", "chat.run", "idle sockets: memory of the web process for each"),
    Quoted("A question acknowledged over REST", "api", "Acknowledged with {CLIENTS} clients, P95"),
    Quoted("`GET /conversations/` of 1,000", "api", "GET /conversations/ of {CONVERSATIONS:,} conversations"),
    Quoted("A chat of 500 messages painted", "pages.run", "A chat of {MESSAGES} messages: first paint"),
    Quoted("An answer drawn below 500 messages", "pages.run", "Words drawn, {name}"),
    Quoted("Layout shift while an answer streams", "pages.run", "Layout shift, {name}, in thousandths"),
    Quoted("A first visit", "pages.run", "A first visit: log-in page and a new chat"),
    Quoted("Failed of 20 requests a second", "rolling", "a second during a rolling restart"),
    Quoted("Documents and answers lost of 2,000 and 20,000", "week", "Documents lost of {week.accepted}"),
    Quoted(
        "The same: memory after the last quarter", "week", "Memory after the last quarter, of that after the first"
    ),
    Quoted("Memory of everything that `make run` started", "memory", "Memory after a question"),
)
# Measured by a command of the application itself, on reports that are not ours to hand on.
ELSEWHERE = ("Right page among the first", "Rightly answered or refused")
