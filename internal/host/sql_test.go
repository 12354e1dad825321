package host

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDatabaseOfAScript: it is made at the first statement, for its owner only, goes on over
// a reload, and is closed with the script.
func TestDatabaseOfAScript(t *testing.T) {
	const source = `local bridge, http, sql = require "bridge", require "bridge.http", require "bridge.sql"
		http.route("POST", "/", function()
			sql.migrate{ "CREATE TABLE IF NOT EXISTS t (a)" }
			sql.exec("INSERT INTO t VALUES (1)")
			return sql.query("SELECT count(*) AS n FROM t")[1].n .. ""
		end)`
	h, reload, url := hookHost(t, LimitsConfig{}, source)
	file := filepath.Join(h.cfg.Data, "sql", "web.db")
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file before the first statement")
	}
	if got := answer(t, "POST", url+"/", ""); got != "200 1" {
		t.Error(got)
	}
	for path, mode := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): os.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	reload(source + "\n")
	if got := answer(t, "POST", url+"/", ""); got != "200 2" {
		t.Error(got)
	}
	if _, err := h.stopScript(t.Context(), ScriptCall{Script: "web"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		t.Error("the database is open after the script was stopped")
	}
	if _, err := h.startScript(t.Context(), ScriptCall{Script: "web"}); err != nil {
		t.Fatal(err)
	}
	if got := answer(t, "POST", "http://"+h.hooks.address+"/hook/web/", ""); got != "200 3" {
		t.Error(got)
	}
}
