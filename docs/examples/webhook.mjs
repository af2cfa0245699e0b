// Take what a webhook of Docent tells, and believe it only when it is signed. Usage: node webhook.mjs
// WEBHOOK_SECRET is what Docent showed when the webhook was made; PORT is where this listens (8081).
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const TOLERANCE = 5 * 60; // seconds

// Whether one of the signatures is right and new enough. The body is the bytes as they came.
function isFromDocent(headers, body) {
  const stamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(stamp) || Math.abs(Date.now() / 1000 - Number(stamp)) > TOLERANCE) return false;
  const right = createHmac("sha256", key).update(`${headers["webhook-id"]}.${stamp}.`).update(body).digest();
  return (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const [version, value = ""] = one.split(",");
    const given = Buffer.from(value, "base64");
    return version === "v1" && given.length === right.length && timingSafeEqual(given, right);
  });
}

const seen = new Set(); // a database table, where it matters

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const isRight = isFromDocent(request.headers, body);
  response.writeHead(isRight ? 204 : 400).end();
  const id = request.headers["webhook-id"];
  if (!isRight || seen.has(id)) return; // an event may come more than once
  seen.add(id);
  const event = JSON.parse(body);
  console.log(event.type, JSON.stringify(event.data));
});

server.listen(Number(process.env.PORT ?? 8081), "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});
