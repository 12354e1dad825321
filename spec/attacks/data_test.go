package attacks

// ofData are after what belongs to other scripts and to the owner.
var ofData = []attack{
	{"a store by the name of another script", "kv", `return assert(bridge.store("bank/vault"):get("gold"), "nothing is there")`, "nothing is there"},
	{"a store above", "kv", `return assert(bridge.store("../bank/vault"):get("gold"), "nothing is there")`, "nothing is there"},
	{"a store with a NUL in its name", "kv", `return assert(bridge.store("vault\0bank"):get("gold"), "nothing is there")`, "nothing is there"},
	{"the host's own store", "kv", `return bridge.store("\0once"):keys()[1]`, "E_ARGUMENT"},
	{"a store as SQL", "kv", `return assert(bridge.store("x' OR '1'='1"):get("gold' OR 'a'='a"), "nothing is there")`, "nothing is there"},
	{"the store of the same name", "kv", `return assert(bridge.store("vault"):get("gold"), "nothing is there")`, "nothing is there"},
	{"all keys", "kv", `return assert(bridge.store("vault"):keys()[1], "nothing is there")`, "nothing is there"},
	{"clear the store of the same name", "kv", `bridge.store("vault"):clear() error("it was one's own")`, "it was one's own"},
	{"a store without the grant", "", `return bridge.store("vault")`, "E_CAPABILITY"},
	{"a mark without the grant", "", `return bridge.once("seen", "x")`, "E_CAPABILITY"},
	{"the memory of another script", "", `return assert(bridge.memory("vault"):get("gold"), "nothing is there")`, "nothing is there"},
	{"a reference in a default of the configuration", "", `local cfg = bridge.config { pin = { type = "string", default = "${env:BANK_PIN}" } }
-- handler
if cfg.pin == "${env:BANK_PIN}" then error("it is a text like others") end return cfg.pin`, "it is a text like others"},
	{"the configuration of another script", "", `local cfg = bridge.config { pin = { type = "secret" } }
-- handler
return assert(cfg.pin, "nothing is there")`, "nothing is there"},
	{"a key of great length", "kv", `bridge.store("x"):set(("k"):rep(1e6), 1)`, "a key has 4096 bytes at most"},

	{"files without the grant", "", `return assert(fs.read("in", "own.txt"))`, "E_CAPABILITY"},
	{"write with the grant to read", "fs:read in", `return assert(fs.write("in", "own.txt", "x"))`, "E_CAPABILITY"},
	{"a directory that was not named", "fs:read", `return assert(fs.read("FILES", "pin.txt"))`, "E_CAPABILITY"},
	{"a file above", "fs:read in", `return assert(fs.read("in", "../../pin.txt"))`, "E_PATH"},
	{"a file above, behind a folder", "fs:read in", `return assert(fs.read("in", "a/../../pin.txt"))`, "E_PATH"},
	{"an absolute path of a file", "fs:read in", `return assert(fs.read("in", "FILES/pin.txt"))`, "E_PATH"},
	{"a file by a link", "fs:read in", `return assert(fs.read("in", "link"))`, "E_PATH"},
	{"a file in a linked folder", "fs:read in", `return assert(fs.read("in", "folder/pin.txt"))`, "E_PATH"},
	{"a file by a relative link", "fs:read in", `return assert(fs.read("in", "relative/pin.txt"))`, "E_PATH"},
	{"the host's environment by a link", "fs:read in", `return assert(fs.read("in", "environ"))`, "E_PATH"},
	{"list a linked folder", "fs:read in", `return assert(fs.list("in", "folder"))[1].name`, "E_PATH"},
	{"write in a linked folder", "fs:write in", `return assert(fs.write("in", "folder/new.txt", "x"))`, "E_PATH"},
	{"write by a link", "fs:read in, fs:write in", `assert(fs.write("in", "link", "x")) assert(fs.stat("in", "link").type == "file") error("the link was replaced")`, "the link was replaced"},
	{"remove in a linked folder", "fs:write in", `return assert(fs.remove("in", "folder/pin.txt"))`, "E_PATH"},
	{"a NUL in a file's name", "fs:read in", `return assert(fs.read("in", "own.txt\0/../../pin.txt"))`, "E_PATH"},

	{"SQL without the grant", "", `return require("bridge.sql").query("SELECT 1")`, "E_CAPABILITY"},
	{"another database by ATTACH", "sql", `require("bridge.sql").exec("ATTACH DATABASE 'FILES/pin.txt' AS other") return true`, "E_SQL_DENIED"},
	{"a file by VACUUM INTO", "sql", `require("bridge.sql").exec("VACUUM INTO 'FILES/out.db'") return true`, "E_SQL_DENIED"},
	{"the host's tables", "sql", `return require("bridge.sql").query("SELECT * FROM kv")[1]`, "E_SQL"},
	{"the place of the file", "sql", `return require("bridge.sql").query("PRAGMA database_list")[1]`, "E_SQL_DENIED"},
	{"a writable schema", "sql", `require("bridge.sql").exec("PRAGMA writable_schema = 1") return true`, "E_SQL_DENIED"},
	{"a library by SQL", "sql", `return require("bridge.sql").query("SELECT load_extension('libc.so.6')")[1]`, "E_SQL_DENIED"},
	{"a file by a function of SQL", "sql", `return require("bridge.sql").query("SELECT readfile('FILES/pin.txt')")[1]`, "E_SQL"},
	{"a file as a virtual table", "sql", `require("bridge.sql").exec("CREATE VIRTUAL TABLE t USING csv(filename='FILES/pin.txt')") return true`, "E_SQL_DENIED"},
	{"two statements in one", "sql", `require("bridge.sql").query("SELECT 1; ATTACH DATABASE 'FILES/pin.txt' AS other") return true`, "E_SQL_DENIED"},
	{"SQL without end", "sql", `return require("bridge.sql").query("WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c")[1]`, "E_SQL_TIME"},
	{"a file of the bundle above", "", `return assert(bridge.asset("../bank.lua"))`, "E_PATH"},
	{"a queue without the grant", "", `local ok, err = pcall(bridge.queue, "q", function() end)
-- handler
if ok then return ok end error(err)`, "E_CAPABILITY"},
}
