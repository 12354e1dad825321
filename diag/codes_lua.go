package diag

// running are the codes of errors that running Lua raises by itself. The message names what
// failed; where it is known, the hint says why.
var running = []Explanation{
	{Code: "E0107", Title: "a field of nothing is asked for",
		Text: "x.name and x:method() want a table, or an object of the host, in x, and there is nil or another value. Where did it come from? The line `locals` shows the variables. Often a table has no such entry, a function returned nothing, or a pattern did not match. Test it first.",
		Bad:  "local rooms = {}\nlocal room = rooms[\"!a:b\"]\nprint(room.name)", Good: "local rooms = {}\nlocal room = rooms[\"!a:b\"]\nif room then print(room.name) end"},
	{Code: "E0112", Title: "what is called is no function",
		Text: "f(…) and x:f(…) want a function, and there is nil or another value: a mistyped name, a function that is defined further down, or a local of the same name that hides it.",
		Bad:  "local codec = {}\nfunction codec.decode(line) return line end\nprint(codec.deocde(\"a\"))", Good: "local codec = {}\nfunction codec.decode(line) return line end\nprint(codec.decode(\"a\"))"},
	{Code: "E0113", Title: "arithmetic with something that is no number",
		Text: "+ - * / % ^ want numbers, or strings that are numbers. Texts are joined by .. and made numbers by tonumber(…), which gives nil for what is none; (x or 0) stands for a value that may be missing.",
		Bad:  "local seen = {}\nseen.bob = seen.bob + 1", Good: "local seen = {}\nseen.bob = (seen.bob or 0) + 1"},
	{Code: "E0114", Title: "something that is no text is joined",
		Text: ".. joins strings and numbers. tostring(…) makes a text of anything; (x or \"\") stands for one that may be missing; for a list there is table.concat.",
		Bad:  "local name\nprint(\"hello \" .. name)", Good: "local name\nprint(\"hello \" .. (name or \"you\"))"},
	{Code: "E0115", Title: "values that have no order are compared",
		Text: "< <= > >= compare two numbers or two strings. What came from a message or a file is a string: tonumber(…) makes a number of it. Tables have no order; compare one of their fields.",
		Bad:  "local count = \"5\"\nprint(count > 3)", Good: "local count = \"5\"\nprint(tonumber(count) > 3)"},
	{Code: "E0116", Title: "the length of something that has none",
		Text: "# counts the entries of a list or the bytes of a string. Here there is nil, a number or an object.",
		Bad:  "local params\nprint(#params)", Good: "local params = {}\nprint(#params)"},
	{Code: "E0117", Title: "a function of Lua was called wrongly",
		Text: "An argument is missing or of the wrong kind. The message counts it and says what was expected; in a call with a colon the object is not counted.",
		Bad:  "for i, v in ipairs(nil) do print(v) end", Good: "for i, v in ipairs({}) do print(v) end"},
	{Code: "E0118", Title: "a loop counts with something that is no number",
		Text: "for i = first, last, step wants three numbers; step may be left out. tonumber(…) makes one of a string.",
		Bad:  "local last\nfor i = 1, last do print(i) end", Good: "local last = 3\nfor i = 1, last do print(i) end"},
	{Code: "E0119", Title: "functions call each other without end",
		Text: "A function calls itself, directly or through others, deeper than calls may nest. Is the case missing in which it stops? What is long but not nested is written as a loop.",
		Bad:  "local function depth(n) return 1 + depth(n + 1) end\ndepth(1)", Good: "local function depth(n) return n > 9 and n or depth(n + 1) end\ndepth(1)"},
	{Code: "E0120", Title: "a table has no entry under nil",
		Text: "t[key] = value wants a key, and here it is nil, or a number that is none (0/0). Reading t[nil] gives nil; writing raises.",
		Bad:  "local names, id = {}\nnames[id] = \"bob\"", Good: "local names, id = {}, \"@bob:b\"\nnames[id] = \"bob\""},
}

// Running are the codes of errors that running Lua raises by itself.
func Running() []Explanation { return running }
