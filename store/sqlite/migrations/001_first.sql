-- Schema 1. Times are milliseconds since 1970 (0: none). Names and keys that come
-- from scripts are blobs: any bytes, compared byte by byte.

-- Facts about this database: 'secret' (random), 'seq' (row numbers up to it may have been used).
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE scripts (
	id      INTEGER PRIMARY KEY,
	name    TEXT NOT NULL UNIQUE,
	stopped INTEGER NOT NULL DEFAULT 0,
	pinned  INTEGER NOT NULL DEFAULT 0 -- generation to run, 0: the file
);

-- Transactions of the homeserver that were accepted.
CREATE TABLE transactions (seq INTEGER PRIMARY KEY, txn TEXT NOT NULL UNIQUE, at INTEGER NOT NULL);

-- Accepted and not finished. script 0: who sees it is not known yet. The order of a
-- lane is kept in memory, so there is no index to keep. payload comes last: what is
-- read at start lies before it.
CREATE TABLE inbox (
	seq        INTEGER PRIMARY KEY,
	script     INTEGER NOT NULL,
	room       TEXT NOT NULL,
	event_id   TEXT NOT NULL,
	attempts   INTEGER NOT NULL DEFAULT 0,
	not_before INTEGER NOT NULL DEFAULT 0,
	failure    BLOB,
	payload    BLOB NOT NULL
);

CREATE TABLE dead_letters (
	seq      INTEGER PRIMARY KEY,
	script   INTEGER NOT NULL REFERENCES scripts (id),
	room     TEXT NOT NULL,
	event_id TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	died     INTEGER NOT NULL,
	failure  BLOB,
	payload  BLOB NOT NULL
);

-- Calls that items made, by the item's key.
CREATE TABLE effects (item TEXT NOT NULL, txn TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (item, txn)) WITHOUT ROWID;

CREATE TABLE cron (script INTEGER NOT NULL, schedule TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (script, schedule)) WITHOUT ROWID;

-- bridge.store, once, message links.
CREATE TABLE script_values (
	script  INTEGER NOT NULL,
	store   BLOB NOT NULL,
	key     BLOB NOT NULL,
	expires INTEGER NOT NULL,
	value   BLOB NOT NULL,
	PRIMARY KEY (script, store, key)
) WITHOUT ROWID;
CREATE INDEX script_values_expires ON script_values (expires) WHERE expires > 0;

CREATE TABLE generations (
	script INTEGER NOT NULL REFERENCES scripts (id),
	number INTEGER NOT NULL,
	hash   TEXT NOT NULL,
	loaded INTEGER NOT NULL,
	result TEXT NOT NULL,
	pinned INTEGER NOT NULL,
	source BLOB NOT NULL,
	PRIMARY KEY (script, number)
);

CREATE TABLE portals (
	script  INTEGER NOT NULL REFERENCES scripts (id),
	remote  BLOB NOT NULL,
	room    TEXT NOT NULL,
	name    TEXT NOT NULL,
	topic   TEXT NOT NULL,
	avatar  TEXT NOT NULL,
	gone    INTEGER NOT NULL,
	made    INTEGER NOT NULL,
	invited TEXT NOT NULL, -- JSON: user ids that were invited once
	data    BLOB,
	PRIMARY KEY (script, remote)
) WITHOUT ROWID;
CREATE INDEX portals_room ON portals (script, room);

CREATE TABLE ghosts (
	script      INTEGER NOT NULL REFERENCES scripts (id),
	remote      BLOB NOT NULL,
	user        TEXT NOT NULL UNIQUE,
	displayname TEXT NOT NULL,
	avatar      TEXT NOT NULL,
	PRIMARY KEY (script, remote)
) WITHOUT ROWID;

-- What is known of rooms and users (INTENT 6).
CREATE TABLE registered (user TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE rooms (
	id           INTEGER PRIMARY KEY,
	room         TEXT NOT NULL UNIQUE,
	full_members INTEGER NOT NULL DEFAULT 0,
	power_levels BLOB,
	create_event BLOB,
	encryption   BLOB -- NULL: nothing known; empty: known not to be encrypted
);
CREATE TABLE members (
	room        INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
	user        TEXT NOT NULL,
	membership  TEXT NOT NULL,
	displayname TEXT NOT NULL,
	avatar      TEXT NOT NULL,
	PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE INDEX members_user ON members (user) WHERE membership = 'join';
