#!/bin/sh
# A conversation from its beginning to its end. Usage: curl.sh "A question?"
set -eu

api="$DOCENT_URL/api/v1"
docent() { curl -fsS -H "Authorization: Bearer $DOCENT_TOKEN" -H "Content-Type: application/json" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }

conversation=$(docent -d '{"title": "From the command line", "mode": "grounded"}' "$api/conversations/" | field '["id"]')
echo "conversation: $conversation"

question=$(python3 -c 'import json, sys; print(json.dumps({"content": sys.argv[1]}))' "$1")
docent -d "$question" "$api/conversations/$conversation/messages/" | field '["content"]'

# The same, streamed: -N shows each event as it comes.
docent -N -H "Accept: text/event-stream" -d "$question" "$api/conversations/$conversation/messages/"

docent "$api/conversations/$conversation/messages/" | field '["results"].__len__()'
docent "$api/conversations/?status=active" | field '["results"][0]["title"]'
docent -X PATCH -d '{"title": "Done", "metadata": {"ticket": 7}}' "$api/conversations/$conversation/" | field '["title"]'
docent -X POST "$api/conversations/$conversation/end/" | field '["status"]'

# Ended is ended: 409 with the reason. -f would hide it.
curl -sS -H "Authorization: Bearer $DOCENT_TOKEN" -H "Content-Type: application/json" \
  -d "$question" "$api/conversations/$conversation/messages/" | field '["detail"]'

docent -X DELETE "$api/conversations/$conversation/"
