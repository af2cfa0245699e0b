// An answer word by word with fetch. Usage: node stream.mjs "A question?"
const { DOCENT_URL: url, DOCENT_TOKEN: token } = process.env;
const question = process.argv[2];

const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };

function fail(detail) {
  console.error(detail);
  process.exit(1);
}

async function call(path, body, more = {}) {
  const options = { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(body) };
  const answer = await fetch(`${url}/api/v1${path}`, options);
  if (!answer.ok) fail((await answer.json()).detail);
  return answer;
}

const { id } = await (await call("/conversations/", {})).json();
const answer = await call(`/conversations/${id}/messages/`, { content: question }, { Accept: "text/event-stream" });

// Events are parted by an empty line; what a chunk ends with may be half of one.
let rest = "";
for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
  const events = (rest + chunk).split("\n\n");
  rest = events.pop();
  for (const event of events) {
    const data = event.split("\n").find((line) => line.startsWith("data: "));
    if (data) tell(JSON.parse(data.slice("data: ".length)));
  }
}

function tell(event) {
  if (event.type === "delta") process.stdout.write(event.text);
  else if (event.type === "failed") fail(event.detail);
  else if (event.type === "finished") {
    console.log();
    for (const { marker, title, page, quote } of event.citations) console.log(`[${marker}] ${title}, p. ${page}: ${quote}`);
  }
}
