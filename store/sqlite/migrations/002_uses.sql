-- Schema 2. What capabilities scripts have used, and were refused.
CREATE TABLE uses (
	script     INTEGER NOT NULL,
	capability TEXT NOT NULL,
	scope      TEXT NOT NULL,
	refused    INTEGER NOT NULL,
	times      INTEGER NOT NULL,
	last       INTEGER NOT NULL,
	PRIMARY KEY (script, capability, scope, refused)
) WITHOUT ROWID;
