import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { PlacementDocument } from '../../core/placement.ts'
import type {
  AuditRow,
  Authorship,
  Change,
  ControlState,
  ControlStore,
  PendingDeletion,
  ResourceKind,
  StoredPlacement,
  StoredResource,
} from './control-store.ts'
import { placementDocument } from './placement-document.ts'
import { openDatabase } from './sqlite-open.ts'

type Row = Record<string, SQLOutputValue>

const selectResource = 'SELECT spec, provisioned, revision, created_at, updated_at FROM resources'

/** The store in one SQLite file: write-ahead log, synced at every commit, held exclusively by this process. */
export class SqliteStore implements ControlStore {
  readonly storeId: string
  readonly #database: DatabaseSync
  readonly #leaseTerm: number
  readonly #now: () => number

  private constructor(database: DatabaseSync, nowMs: () => number) {
    this.#database = database
    this.#now = nowMs
    const meta = database.prepare('SELECT store_id, lease_term FROM meta').get() as Row
    this.storeId = String(meta.store_id)
    this.#leaseTerm = Number(meta.lease_term)
  }

  /** Throws `StoreError`. `nowMs` is the wall clock, for the time stamps of rows. */
  static open(file: string, nowMs: () => number): SqliteStore {
    return new SqliteStore(openDatabase(file), nowMs)
  }

  async load(): Promise<ControlState> {
    return this.#load()
  }

  async get<Kind extends ResourceKind>(kind: Kind, name: string): Promise<StoredResource<Kind> | undefined> {
    const row = this.#database.prepare(`${selectResource} WHERE kind = ? AND name = ?`).get(kind, name)
    return row === undefined ? undefined : readResource<Kind>(row)
  }

  async list<Kind extends ResourceKind>(
    kind: Kind,
    limit: number,
    after: string | undefined,
  ): Promise<readonly StoredResource<Kind>[]> {
    const sql = `${selectResource} WHERE kind = ? AND name > ? ORDER BY name LIMIT ?`
    return this.#database
      .prepare(sql)
      .all(kind, after ?? '', limit)
      .map((row) => readResource<Kind>(row))
  }

  async counts(): Promise<Readonly<Record<ResourceKind, number>>> {
    const counts = { Namespace: 0, Cluster: 0, Topic: 0, Route: 0 }
    for (const row of this.#database.prepare('SELECT kind, count(*) AS n FROM resources GROUP BY kind').all())
      counts[row.kind as ResourceKind] = Number(row.n)
    return counts
  }

  async placement(): Promise<PlacementDocument> {
    const { version } = this.#database.prepare('SELECT version FROM meta').get() as Row
    const placements = this.#database.prepare('SELECT * FROM placements ORDER BY topic').all()
    const order = { storeId: this.storeId, leaseTerm: this.#leaseTerm, version: Number(version) }
    return placementDocument(order, this.#load(), placements.map(readPlacement))
  }

  async placementOf(topic: string): Promise<StoredPlacement | undefined> {
    const row = this.#database.prepare('SELECT * FROM placements WHERE topic = ?').get(topic)
    return row === undefined ? undefined : readPlacement(row)
  }

  async commit(changes: readonly Change[], by: Authorship): Promise<number> {
    return this.#transaction(() => {
      const sql = 'UPDATE meta SET version = version + 1 WHERE lease_term = ? RETURNING version'
      const meta = this.#database.prepare(sql).get(this.#leaseTerm)
      if (meta === undefined) throw new Error('another control plane has taken over this store')
      const version = Number(meta.version)
      for (const change of changes) this.#apply(change, by, version)
      return version
    })
  }

  async pendingDeletions(): Promise<readonly PendingDeletion[]> {
    const rows = this.#database.prepare('SELECT cluster, topic, topic_id FROM deletions').all()
    return rows.map((row) => ({
      cluster: String(row.cluster),
      topic: String(row.topic),
      topicId: String(row.topic_id),
    }))
  }

  async deleted({ cluster, topicId }: PendingDeletion): Promise<void> {
    this.#database.prepare('DELETE FROM deletions WHERE cluster = ? AND topic_id = ?').run(cluster, topicId)
  }

  async auditRows(limit: number): Promise<readonly AuditRow[]> {
    const rows = this.#database.prepare('SELECT * FROM audit_log ORDER BY id DESC LIMIT ?').all(limit)
    return rows as unknown as readonly AuditRow[]
  }

  problem(): string | undefined {
    try {
      this.#database.prepare('SELECT version FROM meta').get()
      return undefined
    } catch {
      return 'store-unavailable'
    }
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
  }

  #load(): ControlState {
    const state = {
      Namespace: new Map<string, StoredResource<'Namespace'>>(),
      Cluster: new Map<string, StoredResource<'Cluster'>>(),
      Topic: new Map<string, StoredResource<'Topic'>>(),
      Route: new Map<string, StoredResource<'Route'>>(),
    }
    const rows = this.#database
      .prepare(`${selectResource.replace('spec,', 'kind, name, spec,')} ORDER BY kind, name`)
      .all()
    for (const row of rows) {
      const map: Map<string, StoredResource> = state[row.kind as ResourceKind]
      map.set(String(row.name), readResource(row))
    }
    return state
  }

  #transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #apply(change: Change, by: Authorship, version: number): void {
    if (change.action === 'put') this.#put(change, by, version)
    else if (change.action === 'delete') this.#delete(change.kind, change.name, by, version)
    else if (change.action === 'place') this.#place(change.placement)
    else {
      const { cluster, topic, topicId } = change.deletion
      const sql = 'INSERT OR IGNORE INTO deletions (cluster, topic, topic_id) VALUES (?, ?, ?)'
      this.#database.prepare(sql).run(cluster, topic, topicId)
    }
  }

  #put(change: Change & { action: 'put' }, by: Authorship, version: number): void {
    const { kind, spec, provisioned } = change
    const before = this.#database
      .prepare(`${selectResource} WHERE kind = ? AND name = ?`)
      .get(kind, spec.name)
    const { revision } = this.#database
      .prepare('UPDATE meta SET revision = revision + 1 RETURNING revision')
      .get() as Row
    const at = this.#at()
    this.#database
      .prepare('INSERT OR REPLACE INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(
        kind,
        spec.name,
        JSON.stringify(spec),
        JSON.stringify(provisioned ?? JSON.parse(String(before?.provisioned ?? '[]'))),
        Number(revision),
        String(before?.created_at ?? at),
        at,
      )
    this.#audit(
      before === undefined ? 'create' : 'update',
      kind,
      spec.name,
      by,
      version,
      before,
      JSON.stringify(spec),
    )
  }

  #delete(kind: ResourceKind, name: string, by: Authorship, version: number): void {
    const sql = 'DELETE FROM resources WHERE kind = ? AND name = ? RETURNING spec'
    const before = this.#database.prepare(sql).get(kind, name)
    if (kind === 'Topic') this.#database.prepare('DELETE FROM placements WHERE topic = ?').run(name)
    this.#audit('delete', kind, name, by, version, before, null)
  }

  #place({ topic, cluster, holders, degraded }: StoredPlacement): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO placements (topic, cluster, holders, degraded) VALUES (?, ?, ?, ?)')
      .run(topic, cluster, JSON.stringify(holders), degraded ?? null)
  }

  #audit(
    action: string,
    kind: ResourceKind,
    name: string,
    { actor, reason }: Authorship,
    version: number,
    before: Row | undefined,
    after: string | null,
  ): void {
    this.#database
      .prepare(
        'INSERT INTO audit_log (at, actor, action, kind, name, reason, before, after, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(this.#at(), actor, action, kind, name, reason ?? null, before?.spec ?? null, after, version)
  }

  #at(): string {
    return new Date(this.#now()).toISOString()
  }
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

function readPlacement(row: Row): StoredPlacement {
  return {
    topic: String(row.topic),
    cluster: String(row.cluster),
    holders: JSON.parse(String(row.holders)),
    ...(row.degraded === null ? {} : { degraded: String(row.degraded) }),
  }
}
