// The audit trail as it lies in the store: rows in order, `details` parsed.
import { DatabaseSync } from 'node:sqlite';

export function auditOf(gateway, event) {
  const database = new DatabaseSync(gateway.storeFile(), { readOnly: true });
  try {
    const { name } = database
      .prepare("SELECT name FROM sqlite_master WHERE name LIKE '%audit%' AND type = 'table'")
      .get();
    return database
      .prepare(`SELECT * FROM "${name}" ORDER BY rowid`)
      .all()
      .filter((row) => row.event === event)
      .map((row) => ({ ...row, details: JSON.parse(row.details) }));
  } finally {
    database.close();
  }
}
