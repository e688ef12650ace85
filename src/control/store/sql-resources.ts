import type {
  AuditRow,
  Authority,
  Change,
  ControlState,
  PendingDeletion,
  ResourceKind,
  StoredPlacement,
  StoredResource,
} from './control-store.ts'
import type { AuditRecord } from './records.ts'
import { insertRows, type Row, type SqlSession } from './sql.ts'
import { insertEvents } from './sql-records.ts'

const columns = 'spec, provisioned, revision, created_at, updated_at'

export interface WriteContext {
  readonly by: Authority
  /** The placement version that the write makes, or leaves. */
  readonly version: number
  /** RFC 3339, UTC. */
  readonly at: string
}

export async function readState(sql: SqlSession): Promise<ControlState> {
  const state = {
    Namespace: new Map<string, StoredResource<'Namespace'>>(),
    Cluster: new Map<string, StoredResource<'Cluster'>>(),
    Topic: new Map<string, StoredResource<'Topic'>>(),
    Route: new Map<string, StoredResource<'Route'>>(),
  }
  for (const row of await sql.all(`SELECT kind, name, ${columns} FROM resources ORDER BY kind, name`)) {
    const map: Map<string, StoredResource> = state[row.kind as ResourceKind]
    map.set(String(row.name), readResource(row))
  }
  return state
}

export async function readOne<Kind extends ResourceKind>(
  sql: SqlSession,
  kind: Kind,
  name: string,
): Promise<StoredResource<Kind> | undefined> {
  const row = await sql.get(`SELECT ${columns} FROM resources WHERE kind = ? AND name = ?`, kind, name)
  return row === undefined ? undefined : readResource<Kind>(row)
}

export async function readPlacements(sql: SqlSession): Promise<readonly StoredPlacement[]> {
  const rows = await sql.all('SELECT * FROM placements ORDER BY topic')
  return rows.map((row) => ({
    topic: String(row.topic),
    cluster: String(row.cluster),
    holders: JSON.parse(String(row.holders)),
    ...(row.degraded === null ? {} : { degraded: String(row.degraded) }),
    ...(row.drain_first === 1 ? { drainFirst: true } : {}),
    ...(row.by_hand === 1 ? { movedByHand: true } : {}),
  }))
}

export async function readDeletions(sql: SqlSession): Promise<readonly PendingDeletion[]> {
  const rows = await sql.all('SELECT cluster, topic, topic_id FROM deletions ORDER BY cluster, topic')
  return rows.map((row) => ({
    cluster: String(row.cluster),
    topic: String(row.topic),
    topicId: String(row.topic_id),
  }))
}

export async function readAudit(sql: SqlSession, limit: number): Promise<readonly AuditRow[]> {
  return (await sql.all(
    'SELECT * FROM audit_log ORDER BY id DESC LIMIT ?',
    limit,
  )) as unknown as readonly AuditRow[]
}

export async function putResource(
  sql: SqlSession,
  { kind, spec, provisioned }: Change & { action: 'put' },
  context: WriteContext,
): Promise<void> {
  const before = await sql.get(
    `SELECT ${columns} FROM resources WHERE kind = ? AND name = ?`,
    kind,
    spec.name,
  )
  const revision = await nextRevision(sql)
  await sql.all(
    `INSERT INTO resources (kind, name, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (kind, name) DO UPDATE SET spec = excluded.spec, provisioned = excluded.provisioned,
        revision = excluded.revision, updated_at = excluded.updated_at`,
    kind,
    spec.name,
    JSON.stringify(spec),
    provisioned === undefined ? String(before?.provisioned ?? '[]') : JSON.stringify(provisioned),
    revision,
    context.at,
    context.at,
  )
  const action = before === undefined ? 'create' : 'update'
  await audit(sql, action, kind, spec.name, context, before, JSON.stringify(spec))
}

export async function putProvisioned(
  sql: SqlSession,
  { kind, name, provisioned }: Change & { action: 'provisioned' },
): Promise<void> {
  await sql.all(
    'UPDATE resources SET provisioned = ?, revision = ? WHERE kind = ? AND name = ?',
    JSON.stringify(provisioned),
    await nextRevision(sql),
    kind,
    name,
  )
}

/** A topic takes its placement along. */
export async function deleteResource(
  sql: SqlSession,
  kind: ResourceKind,
  name: string,
  context: WriteContext,
): Promise<void> {
  const before = await sql.get('DELETE FROM resources WHERE kind = ? AND name = ? RETURNING spec', kind, name)
  if (kind === 'Topic') await sql.all('DELETE FROM placements WHERE topic = ?', name)
  await audit(sql, 'delete', kind, name, context, before, null)
}

/** The last one counts where a topic is placed twice. */
export async function place(
  sql: SqlSession,
  placements: readonly StoredPlacement[],
  { at, version, by }: WriteContext,
): Promise<void> {
  const byTopic = new Map(placements.map((placement) => [placement.topic, placement]))
  const last = [...byTopic.values()]
  await insertRows(
    sql,
    'placements (topic, cluster, holders, degraded, drain_first, by_hand)',
    last.map(({ topic, cluster, holders, degraded, drainFirst, movedByHand }) => [
      topic,
      cluster,
      JSON.stringify(holders),
      degraded ?? null,
      drainFirst === true ? 1 : 0,
      movedByHand === true ? 1 : 0,
    ]),
    `ON CONFLICT (topic) DO UPDATE SET cluster = excluded.cluster, holders = excluded.holders,
      degraded = excluded.degraded, drain_first = excluded.drain_first, by_hand = excluded.by_hand`,
  )
  const events = last.map(({ topic, cluster, holders }) => ({
    kind: 'placement.change',
    subject: topic,
    data: { version, cluster, holders },
  }))
  await insertEvents(sql, events, at, by.term)
}

export async function rememberDeletion(sql: SqlSession, deletion: PendingDeletion): Promise<void> {
  const { cluster, topic, topicId } = deletion
  await sql.all(
    'INSERT INTO deletions (cluster, topic, topic_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    cluster,
    topic,
    topicId,
  )
}

/** Of what is no resource, such as an operation that moves traffic; its events are written apart. */
export async function writeAudit(
  sql: SqlSession,
  { action, kind, name, after }: AuditRecord,
  { by, at, version }: WriteContext,
): Promise<void> {
  const row = [at, by.actor, action, kind, name, by.reason ?? null, null, JSON.stringify(after), version]
  await insertRows(sql, 'audit_log (at, actor, action, kind, name, reason, before, after, version)', [row])
}

async function audit(
  sql: SqlSession,
  action: string,
  kind: ResourceKind,
  name: string,
  { by, version, at }: WriteContext,
  before: Row | undefined,
  after: string | null,
): Promise<void> {
  await sql.all(
    'INSERT INTO audit_log (at, actor, action, kind, name, reason, before, after, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[at, by.actor, action, kind, name, by.reason ?? null, before?.spec ?? null, after, version],
  )
  const event = { kind: `${kind.toLowerCase()}.${action}`, subject: name, data: { version, actor: by.actor } }
  await insertEvents(sql, [event], at, by.term)
}

async function nextRevision(sql: SqlSession): Promise<number> {
  const row = await sql.get('UPDATE meta SET revision = revision + 1 RETURNING revision')
  return Number(row?.revision)
}

function readResource<Kind extends ResourceKind>(row: Row): StoredResource<Kind> {
  return {
    spec: JSON.parse(String(row.spec)),
    provisioned: JSON.parse(String(row.provisioned)),
    revision: Number(row.revision),
    createdAt: String(row.created_at),
    updatedAt: String(row.updated_at),
  }
}
