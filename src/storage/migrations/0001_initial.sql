-- Instants are seconds since 1970 UTC. Sealed bytes are base64. A statement ends with `;` at the
-- end of its line. For both engines: SERIAL_KEY is a number that each makes by itself, and TEXT is
-- compared byte by byte in each (soci/engine.h, ddl).

CREATE TABLE schema_version (
  version BIGINT NOT NULL
);

CREATE TABLE resources (
  id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
  sequence BIGINT NOT NULL,
  document TEXT NOT NULL,
  sealed_secrets TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_login_at BIGINT NOT NULL
);

-- A session that was ended stays until it would have expired, without its content, so that a late
-- write cannot bring it back.
CREATE TABLE sessions (
  nonce TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE consumed (
  id TEXT NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX consumed_by_expiry ON consumed (expires_at);

-- Every pin that was asked for, so that requests can be counted; the newest of a sign-in counts.
CREATE TABLE pins (
  serial SERIAL_KEY,
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  browser TEXT NOT NULL,
  code_hash TEXT NOT NULL,
  failures BIGINT NOT NULL,
  used BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX pins_by_id ON pins (id, serial);
CREATE INDEX pins_by_email ON pins (email, created_at);
CREATE INDEX pins_by_creation ON pins (created_at);

CREATE TABLE signing_keys (
  serial SERIAL_KEY,
  kid TEXT NOT NULL UNIQUE,
  sealed_private_key TEXT NOT NULL,
  certificate TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE audit (
  serial SERIAL_KEY,
  at BIGINT NOT NULL,
  event TEXT NOT NULL,
  actor TEXT NOT NULL,
  ip TEXT NOT NULL,
  application TEXT NOT NULL,
  reason TEXT NOT NULL,
  details TEXT NOT NULL
);
