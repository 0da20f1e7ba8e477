-- Calls under wrk: of four, two read a channel's history, one posts a message, one asks who one is.
--
--     python3 examples/load/prepare.py make --url http://127.0.0.1:8000
--     wrk -t2 -c40 -d5s --latency -s examples/load/wrk.lua http://127.0.0.1:8000 -- people.csv
--
-- Exit code 1 if any answer was not 2xx, or there was none. wrk keeps each connection busy, so what it measures is a full
-- node, and a pause of the node is seen by 40 calls rather than by all that would have been made in it.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
   thread:set("number", #threads)
end

function init(args)
   people, sent, statuses = {}, 0, {}
   for line in assert(io.open(args[1] or "people.csv")):lines() do
      local channel, token = line:match("^[^,]+,(%d+),(%S+)$")
      table.insert(people, { channel = channel, token = token })
   end
   run = os.time() .. "-" .. number
end

function request()
   sent = sent + 1
   -- Each makes four calls in a row; the threads begin with different people.
   local person = people[(math.floor(sent / 4) + number * 7) % #people + 1]
   local headers = { ["Authorization"] = "Bearer " .. person.token }
   local turn = sent % 4
   if turn == 0 then
      return wrk.format("GET", "/users/me", headers)
   elseif turn == 1 then
      headers["Content-Type"] = "application/json"
      headers["Idempotency-Key"] = "wrk-" .. run .. "-" .. sent
      local body = '{"content": "Message ' .. sent .. ' of thread ' .. number .. '"}'
      return wrk.format("POST", "/channels/" .. person.channel .. "/messages", headers, body)
   end
   return wrk.format("GET", "/channels/" .. person.channel .. "/messages?limit=50", headers)
end

function response(status)
   statuses[status] = (statuses[status] or 0) + 1
end

function done(summary)
   local all, wrong = {}, 0
   for _, thread in ipairs(threads) do
      for status, count in pairs(thread:get("statuses")) do
         all[status] = (all[status] or 0) + count
      end
   end
   for status, count in pairs(all) do
      print("status " .. status .. ": " .. count)
      if status < 200 or status > 299 then wrong = wrong + count end
   end
   local errors = summary.errors
   local lost = errors.connect + errors.read + errors.write + errors.timeout
   print("not 2xx: " .. wrong .. ", no answer: " .. lost)
   if wrong + lost > 0 or next(all) == nil then os.exit(1) end
end
