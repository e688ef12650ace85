import type { Authority } from './control-store.ts'
import type {
  EventRecord,
  FollowerRecord,
  MoveRecord,
  OperationQuery,
  OperationRecord,
  RecordChange,
  StepRecord,
  StoredEvent,
  StoredFreeze,
  StoredOperation,
  StoredStep,
} from './records.ts'
import { insertRows, type Row, type SqlSession } from './sql.ts'

/** More than a day of a lively installation; `/v1/events` says so when somebody comes later. */
const keptEvents = 100_000

export async function writeRecord(
  sql: SqlSession,
  change: Exclude<RecordChange, { action: 'follower' | 'audit' }>,
  by: Authority,
  at: string,
): Promise<void> {
  switch (change.action) {
    case 'operation':
      return writeOperation(sql, change.operation, by, at)
    case 'step':
      return writeStep(sql, change.step, at)
    case 'event':
      return insertEvents(sql, [change.event], at, by.term)
    case 'move': {
      const { cluster, operation, automatic, atMs } = change.move
      const row = [cluster, operation, automatic ? 1 : 0, atMs]
      return insertRows(sql, 'moves (cluster, operation, automatic, at_ms)', [row])
    }
    case 'freeze': {
      const row = [change.freeze.scope, by.actor, by.reason ?? null, at]
      const tail =
        'ON CONFLICT (scope) DO UPDATE SET actor = excluded.actor, reason = excluded.reason, at = excluded.at'
      return insertRows(sql, 'freezes (scope, actor, reason, at)', [row], tail)
    }
    case 'unfreeze':
      await sql.all('DELETE FROM freezes WHERE scope = ?', change.scope)
      return
    case 'forgetFollower':
      await sql.all('DELETE FROM followers WHERE role = ? AND id = ?', change.role, change.id)
  }
}

export async function insertEvents(
  sql: SqlSession,
  events: readonly EventRecord[],
  at: string,
  term: number,
): Promise<void> {
  const rows = events.map(({ kind, subject, data }) => [at, term, kind, subject, JSON.stringify(data)])
  await insertRows(sql, 'events (at, term, kind, subject, data)', rows)
}

/** Forgets the oldest events; once for many, because each look costs. */
export async function forgetOldEvents(sql: SqlSession): Promise<void> {
  await sql.all('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?', keptEvents)
}

export async function readOperation(sql: SqlSession, id: string): Promise<StoredOperation | undefined> {
  const row = await sql.get('SELECT * FROM operations WHERE id = ?', id)
  return row === undefined ? undefined : asOperation(row)
}

export async function readOperations(
  sql: SqlSession,
  { open, kind, subject, after, limit = 100 }: OperationQuery,
): Promise<readonly StoredOperation[]> {
  const where = ['ended <= ?']
  const values: (string | number)[] = [open === true ? 0 : 1]
  for (const [column, value] of [
    ['kind', kind],
    ['subject', subject],
  ] as const) {
    if (value === undefined) continue
    where.push(`${column} = ?`)
    values.push(value)
  }
  if (after !== undefined) {
    where.push('(created_at, id) < (SELECT created_at, id FROM operations WHERE id = ?)')
    values.push(after)
  }
  const rows = await sql.all(
    `SELECT * FROM operations WHERE ${where.join(' AND ')} ORDER BY created_at DESC, id DESC LIMIT ?`,
    ...values,
    limit,
  )
  return rows.map(asOperation)
}

export async function readSteps(sql: SqlSession, operation: string): Promise<readonly StoredStep[]> {
  const rows = await sql.all('SELECT * FROM operation_steps WHERE operation = ? ORDER BY id', operation)
  return rows.map((row) => ({
    operation: String(row.operation),
    key: String(row.step_key),
    state: String(row.state),
    result: JSON.parse(String(row.result)),
    writes: Number(row.writes),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  }))
}

export async function readEvents(
  sql: SqlSession,
  after: number,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const rows = await sql.all('SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?', after, limit)
  return rows.map((row) => ({
    id: Number(row.id),
    at: String(row.at),
    term: Number(row.term),
    kind: String(row.kind),
    subject: String(row.subject),
    data: JSON.parse(String(row.data)),
  }))
}

export async function readFollowers(sql: SqlSession): Promise<readonly FollowerRecord[]> {
  const rows = await sql.all('SELECT * FROM followers ORDER BY role, id')
  return rows.map((row) => ({
    id: String(row.id),
    role: String(row.role),
    leaseUntilMs: Number(row.lease_until_ms),
    acknowledgedTerm: Number(row.acknowledged_term),
    acknowledgedVersion: Number(row.acknowledged_version),
    report: JSON.parse(String(row.report)),
  }))
}

export async function readMoves(sql: SqlSession, sinceMs: number): Promise<readonly MoveRecord[]> {
  const rows = await sql.all('SELECT * FROM moves WHERE at_ms >= ? ORDER BY id DESC', sinceMs)
  return rows.map((row) => ({
    cluster: String(row.cluster),
    operation: String(row.operation),
    automatic: row.automatic === 1,
    atMs: Number(row.at_ms),
  }))
}

export async function readFreezes(sql: SqlSession): Promise<readonly StoredFreeze[]> {
  const rows = await sql.all('SELECT * FROM freezes ORDER BY scope')
  return rows.map((row) => ({
    scope: String(row.scope),
    actor: String(row.actor),
    ...(row.reason === null ? {} : { reason: String(row.reason) }),
    at: String(row.at),
  }))
}

async function writeOperation(
  sql: SqlSession,
  { id, kind, subject, state, step, ended, document }: OperationRecord,
  by: Authority,
  at: string,
): Promise<void> {
  const values = [id, kind, subject, state, step, ended ? 1 : 0, JSON.stringify(document), by.term]
  await insertRows(
    sql,
    'operations (id, kind, subject, state, step, ended, document, term, actor, reason, created_at, updated_at)',
    [[...values, by.actor, by.reason ?? null, at, at]],
    `ON CONFLICT (id) DO UPDATE SET state = excluded.state, step = excluded.step, ended = excluded.ended,
      document = excluded.document, term = excluded.term, updated_at = excluded.updated_at`,
  )
}

async function writeStep(
  sql: SqlSession,
  { operation, key, state, result }: StepRecord,
  at: string,
): Promise<void> {
  await insertRows(
    sql,
    'operation_steps (operation, step_key, state, result, writes, created_at, updated_at)',
    [[operation, key, state, JSON.stringify(result ?? null), 1, at, at]],
    `ON CONFLICT (operation, step_key) DO UPDATE SET state = excluded.state, result = excluded.result,
      writes = operation_steps.writes + 1, updated_at = excluded.updated_at`,
  )
}

/** Hundreds at once; the last word of each counts. */
export async function writeFollowers(sql: SqlSession, followers: readonly FollowerRecord[]): Promise<void> {
  const last = new Map(followers.map((follower) => [`${follower.role} ${follower.id}`, follower]))
  await insertRows(
    sql,
    'followers (role, id, lease_until_ms, acknowledged_term, acknowledged_version, report)',
    [...last.values()].map(({ role, id, leaseUntilMs, acknowledgedTerm, acknowledgedVersion, report }) => [
      ...[role, id, leaseUntilMs, acknowledgedTerm, acknowledgedVersion],
      JSON.stringify(report ?? null),
    ]),
    `ON CONFLICT (role, id) DO UPDATE SET lease_until_ms = excluded.lease_until_ms,
      acknowledged_term = excluded.acknowledged_term, acknowledged_version = excluded.acknowledged_version,
      report = excluded.report`,
  )
}

function asOperation(row: Row): StoredOperation {
  return {
    id: String(row.id),
    kind: String(row.kind),
    subject: String(row.subject),
    state: String(row.state),
    step: String(row.step),
    ended: row.ended === 1,
    document: JSON.parse(String(row.document)),
    term: Number(row.term),
    actor: String(row.actor),
    ...(row.reason === null ? {} : { reason: String(row.reason) }),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  }
}
