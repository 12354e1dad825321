local M = {}

function M.decode(line)
  local words = line:match("^(%S+) (%S+)$")
  return { command = words:upper() }
end

return M
