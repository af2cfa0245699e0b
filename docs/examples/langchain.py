"""LangChain's chat model and embeddings over Docent. Usage: langchain.py "A question?" ["And another?" …]"""

import os
import sys
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL, TOKEN = f"{os.environ['DOCENT_URL']}/openai/v1", os.environ["DOCENT_TOKEN"]
DOCENT: dict[str, Any] = {"base_url": URL, "api_key": TOKEN}

chat = ChatOpenAI(model="docent", **DOCENT)
# Docent takes text, not the numbers of OpenAI's tokens.
embeddings = OpenAIEmbeddings(model="builtin", check_embedding_ctx_length=False, **DOCENT)


def main(questions: list[str]) -> None:
    said: list[AnyMessage] = [SystemMessage("Answer in one sentence.")]
    for question in questions:
        said.append(HumanMessage(question))
        # Docent keeps nothing of it: what was said before goes along each time.
        answer = chat.invoke(said)
        said.append(AIMessage(answer.content))
        print(f"{question}\n{answer.content}\n")
    [vector] = embeddings.embed_documents(questions[:1])
    print(f"{len(vector)} numbers stand for the first question")


if __name__ == "__main__":
    main(sys.argv[1:])
