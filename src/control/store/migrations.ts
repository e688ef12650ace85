/**
 * The schema, as steps by number: step n takes a store from version n to n + 1 (`PRAGMA user_version`), in one transaction. Append only:
 * a released step never changes.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    store_id TEXT NOT NULL,
    lease_term INTEGER NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE resources (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    provisioned TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE placements (
    topic TEXT PRIMARY KEY,
    cluster TEXT NOT NULL,
    holders TEXT NOT NULL,
    degraded TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE deletions (
    cluster TEXT NOT NULL,
    topic TEXT NOT NULL,
    topic_id TEXT NOT NULL,
    PRIMARY KEY (cluster, topic_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT,
    before TEXT,
    after TEXT,
    version INTEGER NOT NULL
  ) STRICT;
  `,
]
