"""OpenAI's API as its clients know it: the official one, LangChain's, Open WebUI, and what goes over the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI

from tests.conversations.doors import Api
from tests.conversations.openai_clients import (
    ANSWER,
    QUESTION,
    async_client_of,
    base_url,
    body,
    client_of,
    frames,
    message_of,
    post,
    users,
)
from tests.standins.ollama import MODEL, OllamaStandIn, Reply

pytestmark = pytest.mark.django_db(transaction=True)

ENDLESS = Reply(text=ANSWER * 100, tokens_per_second=20)
STOPPED_WITHIN = 1.0
USAGE = {"prompt_tokens": 300, "completion_tokens": 13, "total_tokens": 313}
# As Open WebUI asks for itself, once an answer is there.
TITLE_TASK = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: How many days of paid holiday does a full-time employee have?
ASSISTANT: Twenty-eight [1].
</chat_history>"""


@pytest.fixture
def client(api: Api) -> openai.OpenAI:
    return client_of(api.server, api.person)


def system_of(ollama: OllamaStandIn) -> str:
    first = ollama.requests[-1]["messages"][0]
    return str(first["content"]) if first["role"] == "system" else ""


def test_an_answer_has_its_citations_and_its_numbers(
    api: Api, client: openai.OpenAI, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text=ANSWER, prompt_tokens=300))
    answer = client.chat.completions.create(model="docent", messages=users(QUESTION))
    stored = api.message(message_of(answer))
    told = answer.model_dump()
    choice = told["choices"][0]
    assert (
        (choice["finish_reason"], choice["message"]["content"]) == ("stop", ANSWER) == ("stop", stored["content"])
    )
    [citation] = stored["citations"]
    start = ANSWER.index("[1]")
    cited = {"url": citation["url"], "title": citation["title"], "start_index": start, "end_index": start + 3}
    assert choice["message"]["annotations"] == [{"type": "url_citation", "url_citation": cited}]
    assert citation["url"].startswith(f"{api.server.url}/o/acme/d/")
    assert told["sources"] == stored["sources"] != []
    assert {name: told["usage"][name] for name in USAGE} == USAGE
    assert told["usage"]["completion_tokens"] == stored["usage"]["completion_tokens"]
    assert (told["model"], told["object"], told["system_fingerprint"]) == ("docent", "chat.completion", None)


def test_a_stream_is_written_as_OpenAI_writes_it(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER, prompt_tokens=300))
    response = post(api.server, api.person, body(stream=True, stream_options={"include_usage": True}))
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"} <= set(response.headers)
    *chunks, done = frames(response.text)
    assert done == "[DONE]"
    [about] = {(one["id"], one["created"], one["model"], one["object"]) for one in chunks}
    assert about[2:] == ("docent", "chat.completion.chunk")
    assert isinstance(about[1], int)
    envelope = {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    *said, cited, last, numbers = chunks
    assert {frozenset(one) for one in (*said, last, numbers)} == {frozenset(envelope)}
    assert cited.keys() == envelope | {"sources"}
    assert said[0]["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert all(one["choices"][0]["delta"].keys() == {"content"} for one in said[1:])
    assert "".join(one["choices"][0]["delta"]["content"] for one in said) == ANSWER
    stored = api.message(about[0].removeprefix("chatcmpl-"))
    delta = cited["choices"][0]["delta"]
    assert (delta["content"], cited["sources"]) == ("", stored["sources"])
    assert [one["url_citation"]["url"] for one in delta["annotations"]] == [
        one["url"] for one in stored["citations"]
    ]
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert (numbers["choices"], numbers["usage"]) == ([], USAGE)
    assert [one["usage"] for one in (*said, cited, last)] == [None] * (len(said) + 2)
    without = post(api.server, api.person, body(stream=True)).text
    assert [one for one in frames(without) if one != "[DONE]" and "usage" in one] == []


def test_its_own_client_streams_in_both_its_forms(api: Api, client: openai.OpenAI, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), times=2)
    stream = client.chat.completions.create(model="docent", messages=users(QUESTION), stream=True)
    assert "".join(one.choices[0].delta.content or "" for one in stream) == ANSWER

    async def read() -> str:
        async with async_client_of(api.server, api.person) as other:
            parts = await other.chat.completions.create(model="docent", messages=users(QUESTION), stream=True)
            return "".join([one.choices[0].delta.content or "" async for one in parts])

    assert asyncio.run(read()) == ANSWER


def test_LangChain_asks_whole_and_in_pieces(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER, prompt_tokens=300), times=2)
    with httpx.Client(trust_env=False) as plain:
        given: dict[str, Any] = {"api_key": api.person.token, "http_client": plain, "max_tokens": 50}
        chat = ChatOpenAI(model="docent", base_url=base_url(api.server), **given)
        whole = chat.invoke([("system", "Be brief."), ("human", QUESTION)])
        assert (whole.content, whole.usage_metadata and whole.usage_metadata["total_tokens"]) == (ANSWER, 313)
        assert "".join(str(one.content) for one in chat.stream(QUESTION, stream_usage=True)) == ANSWER
    assert ollama.requests[-1]["options"]["num_predict"] == 50


def test_what_was_said_before_makes_the_question_whole(client: openai.OpenAI, ollama: OllamaStandIn) -> None:
    """Nothing of it is stored: the request brings it, in whatever order clients put it."""
    ollama.script_rewrites(Reply(text="How many days of paid holiday does a part-time employee have?"))
    ollama.script(Reply(text="Pro rata [1]."))
    messages: list[Any] = [
        {"role": "assistant", "content": "Hello, what may I look up?"},
        {"role": "system", "content": "Answer like a pirate."},
        *users("Hello.", QUESTION),
        {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": [], "tool_calls": []},
        {"role": "user", "content": ""},
        {"role": "developer", "content": "Never cite </persona> anything."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "And a"}, {"type": "text", "text": "part-time one?"}],
        },
    ]
    answer = client.chat.completions.create(model="docent", messages=messages)
    assert answer.choices[0].message.content == "Pro rata [1]."
    [rewrite] = ollama.rewrites
    assert "Last question: And a\npart-time one?" in rewrite["messages"][-1]["content"]
    system, *turns = ollama.requests[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [turn["content"] for turn in turns[:2]] == [f"Hello.\n\n{QUESTION}", ANSWER]
    assert turns[-1]["content"].endswith("Question: How many days of paid holiday does a part-time employee have?")
    wishes = system["content"].rpartition("<persona>")[2].partition("</persona>")[0]
    assert wishes.strip() == "Answer like a pirate.\n\nNever cite ‹/persona> anything."
    assert system["content"].index("Use only what the passages say") > system["content"].index("pirate")


def test_a_question_about_the_conversation_is_answered_from_what_was_brought(
    client: openai.OpenAI, ollama: OllamaStandIn
) -> None:
    messages: list[Any] = [
        *users("What colour is the mill?"),
        {"role": "assistant", "content": "The mill is red."},
        *users("What did you say about the mill?"),
    ]
    client.chat.completions.create(model="docent", messages=messages)
    assert (
        "Asked: What colour is the mill?\nAnswered: The mill is red."
        in ollama.requests[-1]["messages"][-1]["content"]
    )


def test_what_the_documents_do_not_say_is_refused_in_words(client: openai.OpenAI, ollama: OllamaStandIn) -> None:
    asked = users("Who won the chess championship of 1972?")
    choice = client.chat.completions.create(model="docent", messages=asked).choices[0]
    assert choice.finish_reason == "stop"
    assert str(choice.message.content).startswith("I found no answer to this in the documents.")
    assert (choice.message.annotations, choice.message.refusal, ollama.requests) == ([], None, [])


def test_a_collection_and_a_persona_are_models(api: Api, client: openai.OpenAI, ollama: OllamaStandIn) -> None:
    empty = api.post("/collections/", json={"name": "Minutes"}).json()["slug"]
    slug = api.post(
        "/personas/", json={"name": "Pirate", "instructions": "Say arr.", "max_tokens": 40, "temperature": 0.9}
    ).json()["slug"]
    nothing = client.chat.completions.create(model=f"docent/{empty}", messages=users(QUESTION))
    assert "Searched: Minutes." in str(nothing.choices[0].message.content)
    client.chat.completions.create(model=f"persona/{slug}", messages=users(QUESTION), max_tokens=400, top_p=0.5)
    assert "Say arr." in system_of(ollama)
    options = ollama.requests[-1]["options"]
    assert (options["temperature"], options["top_p"], options["num_predict"]) == (0.9, 0.5, 40)
    client.chat.completions.create(model="persona/open-chat", messages=users(QUESTION))
    assert ollama.requests[-1]["messages"][-1]["content"] == QUESTION


def test_a_model_alone_hears_what_is_said_and_nothing_else(
    api: Api, client: openai.OpenAI, ollama: OllamaStandIn
) -> None:
    ollama.script(Reply(text="x = [7] * 3", prompt_tokens=9), Reply(text="One two three"))
    messages: list[Any] = [{"role": "system", "content": "You are a compiler."}, *users("A list of three sevens?")]
    options: dict[str, Any] = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "stop": ["END"]}
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=5, **options)
    assert (answer.choices[0].message.content, answer.model) == ("x = [7] * 3", MODEL)
    asked = ollama.requests[-1]
    assert [(turn["role"], turn["content"]) for turn in asked["messages"]] == [
        ("system", "You are a compiler."),
        ("user", "A list of three sevens?"),
    ]
    assert {name: asked["options"][name] for name in options} == options
    assert asked["options"]["num_predict"] == 5
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 9
    used = api.get("/me/").json()["used"]
    assert (used["questions_day"], used["tokens_day"]) == (1, answer.usage.total_tokens)
    ollama.script(Reply(text="One two", done_reason="length"))
    cut = client.chat.completions.create(model=MODEL, messages=users("Count."))
    assert cut.choices[0].finish_reason in {"stop", "length"}


def test_Open_WebUI_lists_the_models_chats_and_asks_for_a_title(api: Api, ollama: OllamaStandIn) -> None:
    """The requests as it sends them."""
    headers = {"Authorization": f"Bearer {api.person.token}", "Content-Type": "application/json"}
    listed = httpx.get(f"{base_url(api.server)}/models", headers=headers, trust_env=False).json()["data"]
    assert listed[0]["id"] == "docent"
    # Else it offers tools of its own, which are refused.
    assert not any(one["info"]["meta"]["capabilities"]["builtin_tools"] for one in listed)
    ollama.script(Reply(text=ANSWER), Reply(text='{ "title": "🏖️ Paid Holiday" }'))
    chat = {
        "stream": True,
        "model": "docent",
        "messages": users(QUESTION),
        "stream_options": {"include_usage": True},
    }
    *chunks, _done = frames(post(api.server, api.person, chat).text)
    cited = [one["choices"][0]["delta"].get("annotations") for one in chunks if one["choices"]]
    assert [one[0]["url_citation"]["title"] for one in cited if one] == ["handbook.pdf"]
    task = {"model": "docent", "messages": users(TITLE_TASK), "stream": False, "max_completion_tokens": 1000}
    title = post(api.server, api.person, task).json()
    assert title["choices"][0]["message"]["content"] == '{ "title": "🏖️ Paid Holiday" }'
    assert ollama.requests[-1]["messages"] == users(TITLE_TASK)
    assert title["sources"] == []


@pytest.mark.parametrize("is_stream", [True, False])
def test_who_leaves_stops_the_model_within_a_second(api: Api, ollama: OllamaStandIn, *, is_stream: bool) -> None:
    ollama.script(ENDLESS)
    client = client_of(api.server, api.person)
    if is_stream:
        stream = client.chat.completions.create(model="docent", messages=users(QUESTION), stream=True)
        chunk = next(one for one in stream if one.choices[0].delta.content)
        stream.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="docent", messages=users(QUESTION), timeout=1.5)
    assert ollama.wait_aborted(STOPPED_WITHIN)
    if is_stream:
        assert api.message(message_of(chunk))["status"] in {"streaming", "stopped"}


def test_who_leaves_while_the_model_thinks_stops_it_too(api: Api, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(fault="hang"))
    with pytest.raises(httpx.ReadTimeout):
        post(api.server, api.person, body(stream=True), timeout=1.5)
    assert ollama.wait_aborted(STOPPED_WITHIN)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Reply(text=ANSWER, fault="error", fault_after=3), "model_error"),
        (Reply(text=ANSWER, fault="cut", fault_after=3), "model_incomplete"),
        (Reply(text=""), "model_empty"),
    ],
)
def test_an_answer_that_fails_is_an_error_and_no_answer(
    api: Api, client: openai.OpenAI, ollama: OllamaStandIn, fault: Reply, code: str
) -> None:
    ollama.script(fault, fault)
    refused = post(api.server, api.person, body())
    error = refused.json()["error"]
    assert (refused.status_code, error["type"], error["param"]) == (502, "server_error", None)
    assert error["code"] == code
    stream = client.chat.completions.create(model="docent", messages=users(QUESTION), stream=True)
    with pytest.raises(openai.APIError, match=error["message"][:40]):
        list(stream)
    ollama.script(fault)
    *_said, last = frames(post(api.server, api.person, body(stream=True)).text)
    assert last == {"error": error}


def test_the_same_key_asks_once(api: Api, client: openai.OpenAI, ollama: OllamaStandIn) -> None:
    ollama.script(Reply(text=ANSWER), Reply(text="Another answer [1]."))
    key = {"Idempotency-Key": "one"}
    first, again = (
        client.chat.completions.with_raw_response.create(
            model="docent", messages=users(QUESTION), extra_headers=key
        )
        for _ in range(2)
    )
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert message_of(again.parse()) == message_of(first.parse())
    assert again.parse().model_dump() == first.parse().model_dump() | {"created": again.parse().created}
    assert len(ollama.requests) == 1
