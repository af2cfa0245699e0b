// All of the main job. Usage: node ask_a_file.mjs FILE "A question?"
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const { DOCENT_URL: url, DOCENT_TOKEN: token } = process.env;
const [path, question] = process.argv.slice(2);

async function call(method, address, { body, headers = {} } = {}) {
  const isForm = body instanceof FormData;
  const sent = { Authorization: `Bearer ${token}`, ...(body && !isForm ? { "Content-Type": "application/json" } : {}) };
  const options = { method, headers: { ...sent, ...headers }, body: body && !isForm ? JSON.stringify(body) : body };
  const answer = await fetch(`${url}/api/v1${address}`, options);
  if (!answer.ok) {
    console.error((await answer.json()).detail);
    process.exit(1);
  }
  return answer;
}

const json = async (...sent) => (await call(...sent)).json();

// Events are parted by an empty line; what a chunk ends with may be half of one.
async function* events(method, address, sent) {
  const answer = await call(method, address, sent);
  let rest = "";
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + chunk).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length));
    }
  }
}

const form = new FormData();
form.append("files", new Blob([await readFile(path)]), basename(path));
const [{ id: document }] = (await json("POST", "/documents/", { body: form })).results;
for await (const { status, progress, error } of events("GET", `/documents/${document}/events/`)) {
  console.log(`${status} ${Math.round(100 * progress)}%`);
  if (error) {
    console.error(error.detail);
    process.exit(1);
  }
}

const { id: conversation } = await json("POST", "/conversations/", { body: { documents: [document] } });
let ended;
const streamed = { body: { content: question }, headers: { Accept: "text/event-stream" } };
for await (const event of events("POST", `/conversations/${conversation}/messages/`, streamed)) {
  if (event.type === "delta") process.stdout.write(event.text);
  else if (event.type === "failed") {
    console.error(event.detail);
    process.exit(1);
  } else if (event.type === "finished") ended = event;
}
console.log();

// A citation opens its page. Offsets count code points, which are not what JavaScript's strings count.
for (const { marker, document: cited, version, page: number, start, end } of ended.citations) {
  const page = await json("GET", `/documents/${cited}/pages/${number}/?version=${version}&start=${start}&end=${end}`);
  const passage = [...page.text].slice(start - page.start, end - page.start).join("");
  console.log(`[${marker}] p. ${page.number}: ${passage}`);
}

const { results } = await json("POST", "/search/", { body: { query: question, documents: [document], top_k: 1 } });
console.log(`nearest passage: ${results[0].title}, p. ${results[0].page}`);

await call("POST", `/messages/${ended.message}/feedback/`, { body: { rating: "up" } });

// Nobody else has renamed it since: else 412, and one looks again.
const read = await call("GET", `/conversations/${conversation}/`);
const kept = { body: { title: "Asked" }, headers: { "If-Match": read.headers.get("ETag") } };
console.log((await json("PATCH", `/conversations/${conversation}/`, kept)).title);
