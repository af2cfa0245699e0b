"""Whose turn it is at a model: so many at once, organisations in turn, first come first served within each.

Who has the fewest running goes first, then who was served longest ago; what nobody waits for goes after all that
somebody waits for. One line for each model, for all processes: Valkey keeps it, and one script looks and admits in
one step. A ticket that is not renewed is forgotten, so a process that dies takes its tickets with it. While Valkey
is away each process lets its share of the tickets pass by the same rule.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from conversations.valkey import valkey

TICKET_SECONDS = 10.0
# A ticket is `organisation rank number ends running`: rank 1 is what nobody waits for, `number` counts arrivals.
_ADMIT = """
local line, limit, share, lasts = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local tickets, served, number = {}, {}, 0
local kept = redis.call('HGETALL', line)
for i = 1, #kept, 2 do
  local id, value = kept[i], kept[i + 1]
  if id == '#' then
    number = tonumber(value)
  elseif string.sub(id, 1, 1) == '@' then
    served[string.sub(id, 2)] = tonumber(value)
  else
    local tenant, rank, order, ends, running = string.match(value, '(%S+) (%S+) (%S+) (%S+) (%S+)')
    tickets[id] = {id = id, tenant = tenant, rank = tonumber(rank), order = tonumber(order),
                   ends = math.min(tonumber(ends), now + lasts), running = running == '1'}
  end
end
local asked = {}
for i = 4, #ARGV, 4 do
  local wish, id = ARGV[i], ARGV[i + 1]
  if wish == 'leave' then
    tickets[id] = nil
    redis.call('HDEL', line, id)
  else
    local ticket = tickets[id]
    if not ticket then
      number = number + 1
      ticket = {id = id, tenant = ARGV[i + 2], rank = tonumber(ARGV[i + 3]), order = number}
      tickets[id] = ticket
    end
    ticket.ends, ticket.changed = now + lasts, true
    ticket.running = ticket.running or wish == 'run'
    asked[#asked + 1] = id
  end
end
local running, total, waiting = {}, 0, {}
for id, ticket in pairs(tickets) do
  if ticket.ends <= now then
    tickets[id] = nil
    redis.call('HDEL', line, id)
  elseif ticket.running then
    running[ticket.tenant] = (running[ticket.tenant] or 0) + 1
    total = total + 1
  else
    waiting[#waiting + 1] = ticket
  end
end
table.sort(waiting, function(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  return a.order < b.order
end)
local before = {}
for _, ticket in ipairs(waiting) do
  before[ticket.tenant] = (before[ticket.tenant] or running[ticket.tenant] or 0) + 1
  ticket.turn = before[ticket.tenant]
end
table.sort(waiting, function(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  if a.turn ~= b.turn then return a.turn < b.turn end
  local x, y = served[a.tenant] or 0, served[b.tenant] or 0
  if x ~= y then return x < y end
  return a.order < b.order
end)
local places, place = {}, 0
for _, ticket in ipairs(waiting) do
  if total < limit and (running[ticket.tenant] or 0) < share then
    running[ticket.tenant] = (running[ticket.tenant] or 0) + 1
    total = total + 1
    number = number + 1
    ticket.running, ticket.changed = true, true
    served[ticket.tenant] = number
    redis.call('HSET', line, '@' .. ticket.tenant, number)
  else
    place = place + 1
    places[ticket.id] = place
  end
end
for _, ticket in pairs(tickets) do
  if ticket.changed then
    redis.call('HSET', line, ticket.id, string.format('%s %d %.0f %.0f %d',
      ticket.tenant, ticket.rank, ticket.order, ticket.ends, ticket.running and 1 or 0))
  end
end
redis.call('HSET', line, '#', string.format('%.0f', number))
redis.call('EXPIRE', line, 3600)
local answer = {}
for _, id in ipairs(asked) do answer[#answer + 1] = places[id] or 0 end
return answer
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A wish to ask a model, in an organisation's name. An `is_aside` is what nobody waits for."""

    id: str
    tenant: str
    is_aside: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may run at once at one model: all together, and of one organisation."""

    model: int
    tenant: int

    def divided(self, processes: int) -> "Limits":
        """The share of one of so many processes: one at least."""
        return Limits(max(1, self.model // processes), max(1, self.tenant // processes))


async def look(
    model: str,
    limits: Limits,
    *,
    running: Sequence[Ticket],
    waiting: Sequence[Ticket],
    left: Sequence[Ticket],
) -> dict[str, int]:
    """Renew, join, leave. Returns the place of each that waits, by ticket; 0 for those whose turn it is.

    Raises `ValkeyAway`.
    """
    wishes = [(wish, one) for wish, tickets in _wishes(left, running, waiting) for one in tickets]
    words = [str(limits.model), str(limits.tenant), str(int(TICKET_SECONDS * 1000))]
    for wish, ticket in wishes:
        words += [wish, ticket.id, ticket.tenant, str(int(ticket.is_aside))]
    places = await valkey().ask(lambda client: client.eval(_ADMIT, 1, f"line:{model}", *words))
    renewed = [ticket.id for wish, ticket in wishes if wish != "leave"]
    return dict(zip(renewed, places, strict=True))


def _wishes(
    left: Sequence[Ticket], running: Sequence[Ticket], waiting: Sequence[Ticket]
) -> tuple[tuple[str, Sequence[Ticket]], ...]:
    return (("leave", left), ("run", running), ("wait", waiting))


class LocalLine:
    """One model's line in this process alone, by the same rule."""

    def __init__(self) -> None:
        self._served: Counter[str] = Counter()
        self._number = 0

    def look(self, limits: Limits, *, running: Collection[Ticket], waiting: Sequence[Ticket]) -> dict[str, int]:
        """The place of each that waits, in the order of their arrival; 0 for those whose turn it is."""
        runs = Counter(ticket.tenant for ticket in running)
        turns: list[tuple[bool, int, int, int, Ticket]] = []
        before = runs.copy()
        arrived = sorted(enumerate(waiting), key=lambda one: (one[1].is_aside, one[0]))
        for order, ticket in arrived:
            before[ticket.tenant] += 1
            turns.append((ticket.is_aside, before[ticket.tenant], self._served[ticket.tenant], order, ticket))
        places: dict[str, int] = {}
        for *_, ticket in sorted(turns, key=lambda one: one[:4]):
            if runs.total() < limits.model and runs[ticket.tenant] < limits.tenant:
                runs[ticket.tenant] += 1
                self._number += 1
                self._served[ticket.tenant] = self._number
                places[ticket.id] = 0
            else:
                places[ticket.id] = 1 + sum(place > 0 for place in places.values())
        return places
