-- SPDX-License-Identifier: Apache-2.0
--
-- What haproxy runs of ours: a tag for each request, a page of figures, and a task that clears them.

local counts = {}

core.register_action("tag", { "http-req" }, function(txn)
	local path = txn.f:path() or "/"
	local first = path:match("^/([%w]*)")
	counts[first] = (counts[first] or 0) + 1
	txn.http:req_set_header("X-Request-Tag", string.format("%x-%s", os.time(), txn.f:uuid()))
end)

core.register_service("status", "http", function(applet)
	local lines = {}
	for name, count in pairs(counts) do
		lines[#lines + 1] = name .. " " .. count
	end
	local body = table.concat(lines, "\n") .. "\n"
	applet:set_status(200)
	applet:add_header("content-type", "text/plain")
	applet:add_header("content-length", #body)
	applet:start_response()
	applet:send(body)
end)

core.register_task(function()
	while true do
		core.sleep(7)
		counts = {}
	end
end)
