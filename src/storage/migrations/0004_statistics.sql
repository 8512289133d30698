-- What happened, counted: by node and hour (the second it begins at). `key` says of what, where a
-- name is counted by something; else it is empty.
CREATE TABLE counters (
  hour BIGINT NOT NULL,
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  node TEXT NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (hour, name, key, node)
);

-- How far each node has counted its logs.
CREATE TABLE counted (
  node TEXT NOT NULL PRIMARY KEY,
  position TEXT NOT NULL
);

-- When a service token was seen last, as far as the logs have it.
CREATE TABLE service_token_uses (
  id TEXT NOT NULL PRIMARY KEY,
  last_seen_at BIGINT NOT NULL
);

-- What administrators try out. `owner` is who started it.
CREATE TABLE trials (
  id TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX trials_by_expiry ON trials (expires_at);
