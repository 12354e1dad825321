-- redis.lua: a client of Redis as one writes it for LuaSocket, in plain Lua.
local socket = require "socket"

local Client = {}
Client.__index = Client

local function connect(host, port, timeout)
  local tcp = assert(socket.tcp())
  tcp:settimeout(timeout or 5)
  local ok, err = tcp:connect(host, port)
  if not ok then
    tcp:close()
    return nil, ("could not connect to %s:%d [%s]"):format(host, port, err)
  end
  tcp:setoption("tcp-nodelay", true)
  return setmetatable({ network = tcp }, Client)
end

function Client:write(data)
  local sent, err, last = 0, nil, 0
  while sent < #data do                                  -- the loop of the manual
    sent, err, last = self.network:send(data, sent + 1)
    if not sent then return nil, err, last end
  end
  return true
end

function Client:reply()
  local line, err = self.network:receive()
  if not line then error("connection error: " .. err, 0) end
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" then return rest end
  if kind == "-" then return nil, rest end
  if kind == ":" then return tonumber(rest) end
  if kind == "$" then
    local length = tonumber(rest)
    if length < 0 then return nil end
    local data = assert(self.network:receive(length + 2))
    return data:sub(1, -3)
  end
  if kind == "*" then
    local list = {}
    for i = 1, tonumber(rest) do list[i] = self:reply() end
    return list
  end
  error("unknown reply: " .. line, 0)
end

function Client:command(...)
  local parts = { ("*%d\r\n"):format(select("#", ...)) }
  for i = 1, select("#", ...) do
    local arg = tostring((select(i, ...)))
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#arg, arg)
  end
  assert(self:write(table.concat(parts)))
  return self:reply()
end

function Client:quit()
  self:command("QUIT")
  self.network:shutdown()
  return self.network:close()
end

return { connect = connect }
