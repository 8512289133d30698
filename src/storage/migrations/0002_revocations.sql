-- What is dead beside whole sessions. `issued_before` is for applications; for the others it is when
-- they were revoked. Without `expires_at` an entry stays until it is removed.
CREATE TABLE revocations (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  issued_before BIGINT NOT NULL,
  expires_at BIGINT,
  PRIMARY KEY (kind, key)
);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE INDEX sessions_by_user ON sessions (user_id);
