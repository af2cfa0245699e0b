#!/bin/sh
# All of the main job. Usage: ask_a_file.sh FILE "A question?"
set -eu

api="$DOCENT_URL/api/v1"
docent() { curl -fsS -H "Authorization: Bearer $DOCENT_TOKEN" "$@"; }
json() { docent -H "Content-Type: application/json" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
quoted() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }

document=$(docent -F "files=@$1" "$api/documents/" | field '["results"][0]["id"]')

# The stream ends when the document is ready, or has failed.
docent -N "$api/documents/$document/events/" > /dev/null
docent "$api/documents/$document/" | field '["status"]'

conversation=$(json -d "{\"documents\": [\"$document\"]}" "$api/conversations/" | field '["id"]')
question=$(quoted "$2")

# -N shows each event as it comes; the last one is what the answer ended with.
ended=$(json -N -H "Accept: text/event-stream" -d "{\"content\": $question}" "$api/conversations/$conversation/messages/" |
  sed -n 's/^data: \(.*"type": "finished".*\)$/\1/p')
message=$(echo "$ended" | field '["message"]')
docent "$api/messages/$message/" | field '["content"]'

# The first citation, opened: the passage and where on the page it stands.
place=$(echo "$ended" | python3 -c '
import json, sys
one = json.load(sys.stdin)["citations"][0]
print("{document}/pages/{page}/?version={version}&start={start}&end={end}".format(**one))')
docent "$api/documents/$place" | field '["rects"].__len__() > 0'

json -d "{\"query\": $question, \"top_k\": 1}" "$api/search/" | field '["results"][0]["title"]'
json -d '{"rating": "up"}' "$api/messages/$message/feedback/" | field '["rating"]'

# Nobody else has renamed it since: else 412, and one looks again.
tag=$(docent -o /dev/null -D - "$api/conversations/$conversation/" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
json -X PATCH -H "If-Match: $tag" -d '{"title": "Asked"}' "$api/conversations/$conversation/" | field '["title"]'
