package sqlite

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the steps in order: migrations/001_x.sql leads to schema 1.
// A step that was released is never changed; a new one is added.
func migrations() []string {
	names, _ := fs.Glob(migrationFiles, "migrations/*.sql") // the pattern is a constant; sorted
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(path.Clean(name))
		if err != nil {
			return nil
		}
		steps[i] = string(text)
	}
	return steps
}

// migrate brings the file to the newest schema, each step in a transaction of its
// own together with its number (PRAGMA user_version).
func migrate(c *conn, steps []string) error {
	have, err := c.pragmaInt("user_version")
	if err != nil {
		return err
	}
	if have > int64(len(steps)) {
		return fmt.Errorf("%w: it has schema %d, this program knows %d; use the newer program", ErrNewer, have, len(steps))
	}
	for i := int(have); i < len(steps); i++ {
		text := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d;\nCOMMIT;", steps[i], i+1)
		if err := c.runScript(text); err != nil {
			_ = c.runScript("ROLLBACK") // fails when SQLite has rolled back by itself
			return fmt.Errorf("migration to schema %d: %w", i+1, err)
		}
	}
	return nil
}
