"""The official OpenAI client, asking Docent. Usage: openai_client.py "A question?" """

import os
import sys

from openai import APIError, OpenAI

client = OpenAI(base_url=f"{os.environ['DOCENT_URL']}/openai/v1", api_key=os.environ["DOCENT_TOKEN"])


def main(question: str) -> None:
    stream = client.chat.completions.create(
        model="docent",  # all that the token may read; docent/<collection>, persona/<assistant>, or a model alone
        messages=[{"role": "user", "content": question}],
        stream=True,
    )
    sources = []
    for chunk in stream:
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        # What the answer was written from comes with its last words: no field of OpenAI's own.
        sources += (chunk.model_extra or {}).get("sources", [])
    print()
    for source in sources:
        print(f"[{source['marker']}] {source['title']}, p. {source['page']}: {source['url']}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except APIError as error:
        sys.exit(error.message)
