import type { ClusterRole, SinkSpec } from '../../core/placement.ts'
import type { ClusterSpec, NamespaceSpec, RouteResourceSpec, TopicSpec } from '../../core/resources.ts'
import { parseBytes, parseDurationMs } from '../../core/units.ts'
import type { ControlState, ResourceKind, SpecOf } from '../store/control-store.ts'
import { type CheckedDocument, invalid, type JsonObject } from './check.ts'
import { clusterSchema, fileSinkSchema, routeSchema, topicSchema } from './schemas.ts'

/** Any larger event would not fit into a proxy's body limit or a broker's request limit (100 MiB) with its margin. */
const largestEventBytes = 64 * 2 ** 20

/**
 * A checked document as a spec: quantities as numbers, everything that was left out filled in. What is left out gets its default, apart
 * from what must not change by accident: an existing topic keeps its cluster and partitions, an existing route its state. Pure; throws
 * `invalid-document` where the document speaks of things that are not there.
 */
export function resolveDocument(checked: CheckedDocument, state: ControlState): SpecOf[ResourceKind] {
  const { kind } = checked
  if (kind === 'Namespace') return resolveNamespace(checked)
  if (kind === 'Cluster') return resolveCluster(checked, state)
  if (kind === 'Topic') return resolveTopic(checked, state)
  return resolveRoute(checked, state)
}

/** `namespace.topic` → `namespace` */
export function namespaceOf(topic: string): string {
  return topic.slice(0, topic.indexOf('.'))
}

function resolveNamespace({ document }: CheckedDocument): NamespaceSpec {
  return { name: String(document.name), owner: String(document.owner) }
}

function resolveCluster({ document, label }: CheckedDocument, state: ControlState): ClusterSpec {
  const { name, role, bootstrap, standby, failback } = document as unknown as ClusterSpec
  if (role !== 'fronting') {
    if (standby !== undefined) throw invalid(label, 'standby', 'only a fronting cluster has a standby')
    if (failback !== undefined) throw invalid(label, 'failback', 'only a fronting cluster is failed back to')
    return { name, role, bootstrap }
  }
  const spec = { name, role, bootstrap, failback: failback ?? clusterSchema.properties.failback.default }
  if (standby === undefined) return spec
  const other = state.Cluster.get(standby)?.spec
  if (other === undefined) throw invalid(label, 'standby', `there is no cluster ${standby}`)
  if (other.role !== 'standby') throw invalid(label, 'standby', `${standby} is a ${other.role} cluster`)
  return { ...spec, standby }
}

function resolveTopic({ document, label }: CheckedDocument, state: ControlState): TopicSpec {
  const defaults = topicSchema.properties
  const name = String(document.name)
  const existing = state.Topic.get(name)?.spec
  const cluster = clusterWithRole(label, 'cluster', document.cluster ?? existing?.cluster, 'fronting', state)
  const retentionMs = parseDurationMs(text(document, 'retention', defaults.retention.default)) ?? 0
  const maxEventBytes = parseBytes(text(document, 'maxEventBytes', defaults.maxEventBytes.default)) ?? 0
  if (retentionMs < 1) throw invalid(label, 'retention', 'must be longer than nothing')
  if (maxEventBytes < 1 || maxEventBytes > largestEventBytes)
    throw invalid(label, 'maxEventBytes', 'must be from 1B to 64MiB')
  const given = document as Partial<TopicSpec>
  return {
    name,
    owner: String(document.owner),
    delivery: given.delivery ?? defaults.delivery.default,
    cluster,
    partitions: given.partitions ?? existing?.partitions ?? defaults.partitions.default,
    retentionMs,
    maxEventBytes,
    check: given.check ?? defaults.check.default,
    eventId: given.eventId ?? defaults.eventId.default,
    compression: given.compression ?? defaults.compression.default,
    mediaTypes: given.mediaTypes ?? [],
  }
}

function resolveRoute({ document, label }: CheckedDocument, state: ControlState): RouteResourceSpec {
  const topic = String(document.topic)
  if (!state.Topic.has(topic)) throw invalid(label, 'topic', `there is no topic ${topic}`)
  const written = document.sink as JsonObject
  const name = String(document.name ?? `${topic}.${String(written.type)}`)
  const sink = resolveSink(label, name, topic, written, state)
  const rival = [...state.Route.values()].find(
    ({ spec }) => spec.name !== name && sameTarget(spec.sink, sink),
  )
  if (rival !== undefined) throw invalid(label, 'sink', `route ${rival.spec.name} writes to the same place`)
  return {
    name,
    topic,
    sink,
    from: (document.from as RouteResourceSpec['from'] | undefined) ?? routeSchema.properties.from.default,
    state: state.Route.get(name)?.spec.state ?? 'running',
  }
}

function resolveSink(
  label: string,
  route: string,
  topic: string,
  written: JsonObject,
  state: ControlState,
): SinkSpec {
  if (written.type === 'kafka') {
    const cluster = clusterWithRole(label, 'sink.cluster', written.cluster, 'consumer', state)
    return { type: 'kafka', cluster, topic: String(written.topic ?? topic) }
  }
  const directory = String(written.directory ?? route)
  if (directory.split('/').includes('..') || directory.includes('\0'))
    throw invalid(label, 'sink.directory', 'must not climb with ".."')
  const rotateBytes = parseBytes(text(written, 'rotate', fileSinkSchema.properties.rotate.default)) ?? 0
  if (rotateBytes < 1) throw invalid(label, 'sink.rotate', 'must be 1B or more')
  return { type: 'file', directory, rotateBytes }
}

/** The named cluster, which must have that role; when none is named, the only one that has it. */
function clusterWithRole(
  label: string,
  path: string,
  name: unknown,
  role: ClusterRole,
  state: ControlState,
): string {
  const candidates = [...state.Cluster.values()].filter(({ spec }) => spec.role === role)
  if (name === undefined) {
    const [only] = candidates
    if (only !== undefined && candidates.length === 1) return only.spec.name
    const which = candidates.map(({ spec }) => spec.name).join(', ')
    throw invalid(
      label,
      path,
      candidates.length === 0 ? `there is no ${role} cluster yet: add one` : `is missing: one of ${which}`,
    )
  }
  const found = state.Cluster.get(String(name))?.spec
  if (found === undefined) throw invalid(label, path, `there is no cluster ${String(name)}`)
  if (found.role !== role)
    throw invalid(label, path, `${found.name} is a ${found.role} cluster, not a ${role} one`)
  return found.name
}

function sameTarget(a: SinkSpec, b: SinkSpec): boolean {
  if (a.type === 'kafka' && b.type === 'kafka') return a.cluster === b.cluster && a.topic === b.topic
  return a.type === 'file' && b.type === 'file' && a.directory === b.directory
}

function text(document: JsonObject, key: string, fallback: string): string | number {
  return (document[key] as string | number | undefined) ?? fallback
}
