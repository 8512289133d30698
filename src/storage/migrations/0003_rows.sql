-- The resources as rows of their own, what several nodes need, the administration's own tables.

ALTER TABLE resources RENAME TO resources_0002;

-- In the order of their making.
CREATE TABLE resources (
  serial SERIAL_KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  document TEXT NOT NULL,
  sealed_secrets TEXT NOT NULL,
  origin TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (kind, id)
);

CREATE TABLE resource_state (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  sequence BIGINT NOT NULL,
  applied_file TEXT NOT NULL
);
INSERT INTO resource_state (id, sequence, applied_file) VALUES (1, 0, '');

-- What other nodes must hear of. Whoever adds to it locks the one row of feed_state first, so that
-- positions are handed out in the order of commits. Entries up to `purged` are gone.
CREATE TABLE feed_state (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  position BIGINT NOT NULL,
  purged BIGINT NOT NULL
);
INSERT INTO feed_state (id, position, purged) VALUES (1, 1, 1);

CREATE TABLE feed (
  position BIGINT NOT NULL PRIMARY KEY,
  topic TEXT NOT NULL,
  key TEXT NOT NULL
);

-- Where the feed stood when it was purged: what is up to there is at least that old.
CREATE TABLE feed_marks (
  at BIGINT NOT NULL,
  position BIGINT NOT NULL
);

CREATE TABLE installation (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

-- `scopes` is a JSON array of texts.
CREATE TABLE api_tokens (
  serial SERIAL_KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  secret_hash TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT
);

-- A user may have been made by an administrator, who was never seen.
CREATE TABLE users_0003 (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_login_at BIGINT,
  updated_at BIGINT NOT NULL,
  identity TEXT NOT NULL
);
INSERT INTO users_0003 (id, email, name, created_at, last_login_at, updated_at, identity)
  SELECT id, email, name, created_at, last_login_at, last_login_at, '' FROM users;
DROP TABLE users;
ALTER TABLE users_0003 RENAME TO users;
-- To look through all of them without their identities.
CREATE INDEX users_by_email_and_name ON users (email, name);

ALTER TABLE signing_keys ADD COLUMN retires_at BIGINT;

CREATE INDEX audit_by_time ON audit (at, serial);
CREATE INDEX audit_by_event ON audit (event, at);
CREATE INDEX audit_by_actor ON audit (actor, at);
CREATE INDEX audit_by_application ON audit (application, at);
