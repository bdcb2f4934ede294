-- What a store does with a report: `fleet/book` in Lua, which says why. One key, one call for each period and member.
--
-- KEYS[1]: the record. ARGV: see `arguments` in `redis.rs`. A number that is not known is -1.
if redis.replicate_commands then redis.replicate_commands() end

local LEASE, AWAY, LEARN, KEEP_PACE, SETTLE, KEEP_CAPACITY, TURN = 2, 1.5, 4, 10, 1, 120, 8
local MIN_CUT, MAX_CUT, ALIKE, GROWTH, STEP = 0.08, 0.2, 0.05, 2, 0.1
local BELIEVED, BELIEVED_AT_MOST, REFUTED = 1, 32, 120
local IDLE, IDLE_OF_EQUAL, HEADROOM = 0.02, 0.2, 1.5
-- The fields of a member.
local ID, ENDS, WANTS, BUSY, USED, PLACES, RATE = 1, 2, 3, 4, 5, 6, 7

local min, max, floor = math.min, math.max, math.floor
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

local function number(value) return string.format('%.17g', value) end
-- Nothing, or a number.
local function some(value) if value >= 0 then return value end end
local function told(value) if value == nil then return '-1' end return number(value) end

local packed = redis.call('GET', KEYS[1])
local book = packed and cmsgpack.unpack(packed)

if ARGV[1] == 'members' then
    local rows = {}
    for _, m in ipairs(book and book.members or {}) do
        if m[ENDS] >= now then
            rows[#rows + 1] = { m[ID], number(m[WANTS]), number(m[BUSY]), number(m[USED]), number(m[PLACES]),
                number(m[RATE]), m[ID] == book.leader and '1' or '0' }
        end
    end
    return rows
end

local report = {
    id = ARGV[2], period = tonumber(ARGV[3]), wants = tonumber(ARGV[4]), busy = tonumber(ARGV[5]),
    used = tonumber(ARGV[6]), refused = tonumber(ARGV[7]), places = some(tonumber(ARGV[8])),
    rate = some(tonumber(ARGV[9])), led = ARGV[10] == '1', all_places = tonumber(ARGV[11]),
    all_rate = tonumber(ARGV[12]), burst = tonumber(ARGV[13]), pause = tonumber(ARGV[14]), leaves = ARGV[15] == '1',
}
local period = report.period

local function known() return book.all_places >= 0 or book.all_rate >= 0 end

local function remove(goes)
    local kept = {}
    for _, m in ipairs(book.members) do
        if not goes(m) then
            kept[#kept + 1] = m
        elseif book.leader == m[ID] then
            book.leader = ''
        end
    end
    book.members = kept
end

-- The store begins, or was away.
if book and now - book.last > KEEP_CAPACITY * period then book = nil end
if not book then
    book = { made = now, learns_until = now + period, last = now, leader = '', pause_until = 0, over_until = 0,
        all_places = -1, all_rate = -1, burst = 0, capacity_until = 0,
        places = 0, rate = -1, restored = 0, rate_until = 0, is_met = false,
        ceiling = -1, ceiling_until = 0, believed = 0, lesson_until = 0, accepted = 0, refuted_until = 0, members = {} }
elseif now - book.last > AWAY * period then
    for _, m in ipairs(book.members) do m[ENDS] = max(m[ENDS], now + LEASE * period) end
end
book.last = now
remove(function(m) return m[ENDS] < now end)
if book.capacity_until < now then book.all_places, book.all_rate, book.burst = -1, -1, 0 end

local index, me

local function step()
    local room = book.ceiling >= 0 and max(book.ceiling - 1 - book.places, 0) or math.huge
    return min(max(STEP * book.places, 1), room)
end

local function reply()
    local burst, spare = 0, -1
    if me and me[ID] == book.leader and book.is_met then spare = me[PLACES] >= 1 and floor(step()) or 0 end
    if me and me[RATE] >= 0 and book.all_rate >= 0 then burst = book.burst * (me[RATE] / book.all_rate) end
    if #book.members == 0 then
        redis.call('DEL', KEYS[1])
    else
        redis.call('SET', KEYS[1], cmsgpack.pack(book), 'PX', floor(KEEP_CAPACITY * period))
    end
    return { number(now), me and told(some(me[PLACES])) or '-1', me and told(some(me[RATE])) or '-1', number(burst),
        me and me[ID] == book.leader and '1' or '0', known() and '1' or '0', now < book.over_until and '1' or '0', number(spare),
        number(max(book.pause_until - now, 0)), tostring(#book.members) }
end

if report.leaves then
    remove(function(m) return m[ID] == report.id end)
    return reply()
end

-- The line of whoever reports.
for i, m in ipairs(book.members) do
    if m[ID] == report.id then index = i end
end
if not index then
    if (report.places or report.rate) and now < book.made + LEARN * period then
        book.learns_until = max(book.learns_until, book.made + LEARN * period)
    end
    local places, rate = -1, -1
    if now < book.learns_until then
        places, rate = report.places or -1, report.rate or -1
        if not known() then
            book.places = book.places + (report.places or 0)
            book.is_met = book.is_met or report.places ~= nil
            book.restored = book.restored + (report.rate or report.used)
            if report.rate then book.rate_until = now + KEEP_PACE * period end
            if report.rate or book.rate >= 0 then book.rate = book.restored end
        end
    end
    index = #book.members + 1
    book.members[index] = { report.id, 0, 0, 0, 0, places, rate }
end
me = book.members[index]
me[ENDS], me[WANTS], me[BUSY], me[USED] = now + LEASE * period, report.wants, report.busy, report.used

-- What is everybody's affair.
book.pause_until = max(book.pause_until, now + report.pause)
if report.all_places >= 0 or report.all_rate >= 0 then
    book.all_places, book.all_rate, book.burst = report.all_places, report.all_rate, report.burst
    book.capacity_until = now + KEEP_CAPACITY * period
end

-- Who leads.
if known() then
    book.leader = ''
else
    local leader, somebody_works
    for _, m in ipairs(book.members) do
        if m[ID] == book.leader then leader = m end
        somebody_works = somebody_works or m[WANTS] > 0
    end
    -- It has a place, and work that waits.
    local function can_find(m) return m[PLACES] >= 1 and m[WANTS] > min(m[PLACES], m[BUSY]) end
    local restored = now < book.learns_until and book.learns_until > book.made + period
    if not leader then
        book.leader = (report.led or not restored) and report.id or ''
    elseif leader == me then
        if report.wants == 0 and somebody_works then book.leader = '' end
    elseif can_find(me) and not can_find(leader) then
        book.leader = report.id
    end
end

-- The level to which all are filled, how many have less, and what is left.
local function level(total, demands)
    table.sort(demands)
    local rest, above = total, #demands
    for _, demand in ipairs(demands) do
        if demand > rest / above then return rest / above, above, rest end
        rest, above = rest - demand, above - 1
    end
    return 0, above, rest
end

local function fair_rate(total)
    local demands, mine, count = {}, 0, #book.members
    local idle = min(IDLE * total, IDLE_OF_EQUAL * total / count)
    for i, m in ipairs(book.members) do
        local demand = m[WANTS] > m[BUSY] and math.huge or max(HEADROOM * m[USED], idle)
        -- Without a place, a pace is of no use.
        if m[PLACES] == 0 then demand = idle end
        demands[i] = demand
        if i == index then mine = demand end
    end
    local each, above, rest = level(total, demands)
    if above > 0 then return min(mine, each) end
    return mine + rest / count
end

local function fair_places(total)
    local all, demands, count = {}, {}, #book.members
    local idle = total >= count and 1 or 0
    for i, m in ipairs(book.members) do
        all[i] = max(m[WANTS], idle)
        demands[i] = all[i]
    end
    local mine = all[index]
    local each, above, rest = level(total, demands)
    if above <= 0 then return mine + floor(rest / count) end
    local base = floor(each)
    if mine <= base then return mine end
    local more, rank = rest - base * above, 0
    for i = 1, index - 1 do
        if all[i] > base then rank = rank + 1 end
    end
    local start = math.fmod(floor(now / (TURN * period)) * more, above)
    return math.fmod(rank + above - start, above) < more and base + 1 or base
end

local held_places, busy_places, held_rate, used, busy = 0, 0, 0, 0, 0
for i, m in ipairs(book.members) do
    busy = busy + m[BUSY]
    if i ~= index then
        held_places = held_places + max(m[PLACES], 0)
        busy_places = busy_places + max(m[PLACES], 0, m[BUSY])
        held_rate = held_rate + max(m[RATE], 0)
        used = used + m[USED]
    end
end

-- The leader's own limit is a sample of all.
local function lead()
    if report.led and me[PLACES] >= 0 and report.places and report.used > 0 then
        local had, has = me[PLACES], report.places
        if book.is_met or has <= had then
            book.places = book.places + min(has - had, step())
        else
            book.places = max(book.places + has - had, book.places * min(has / max(had, 1), GROWTH))
        end
    end
    book.places = max(book.places, 1)
    if not report.rate then return end
    book.rate_until = now + KEEP_PACE * period
    if book.rate < 0 then
        book.rate = report.rate + used
    elseif report.led and me[RATE] >= 0 then
        book.rate = book.rate + min(report.rate - me[RATE], STEP * book.rate)
    end
end

-- A ceiling that nobody meets ends.
local function watch()
    if now >= book.ceiling_until then book.ceiling = -1 end
    if now > book.lesson_until then book.accepted = max(book.accepted, busy) end
end

-- One was refused.
local function meet()
    local level = busy_places + max(me[PLACES], 0, report.busy + 1)
    if now < book.lesson_until then return end
    book.lesson_until = now + period
    if level <= book.accepted then
        book.accepted, book.believed, book.refuted_until = level, 0, now + REFUTED * period
    end
    if book.rate >= 0 or now < book.refuted_until then
        book.ceiling = -1
        return
    end
    book.ceiling = book.ceiling >= 0 and min(book.ceiling, level) or level
    book.believed = min(2 * max(book.believed, BELIEVED), BELIEVED_AT_MOST)
    book.ceiling_until = now + book.believed * period
end

-- A refusal of a follower says that all have too much.
local function cut()
    if book.rate >= 0 and me[RATE] > 0 then
        book.rate = book.rate - me[RATE] * min(max(1 - report.used / me[RATE], MIN_CUT), MAX_CUT)
    else
        local places = max(floor(min(report.refused, max(me[PLACES], 0)) / 2), 1)
        book.places = max(book.places - places, 1)
    end
end

if not known() then
    book.is_met = book.is_met or report.refused > 0
    if now >= book.rate_until then book.rate = -1 end
    watch()
    if report.refused > 0 then meet() end
    if book.leader == report.id then
        lead()
    elseif report.refused > 0 then
        cut()
    end
end

-- Who has how much.
local all_places, all_rate = book.all_places, book.all_rate
if not known() then all_places, all_rate = book.places, book.rate end
local learns, places, rate = known() and now < book.learns_until, -1, -1
local function settle(held, mine, total)
    if known() and mine and held + mine > total * (1 + ALIKE) then book.over_until = now + SETTLE * period end
end
if all_places >= 0 then
    settle(held_places, report.places, all_places)
    local fair = fair_places(all_places)
    local most = learns and (report.places or 0) or fair
    places = max(min(most, fair, all_places - busy_places), 0)
end
me[PLACES] = places
if all_rate >= 0 then
    settle(held_rate, report.rate, all_rate)
    local fair = fair_rate(all_rate)
    local most = learns and (report.rate or 0) or fair
    rate = max(min(most, fair, all_rate - held_rate), 0)
end
me[RATE] = rate
return reply()
