import { Problem } from '../../core/problems.ts'
import type { FieldChange, TopicSpec } from '../../core/resources.ts'
import { type CheckedDocument, checkDocument } from '../documents/check.ts'
import { namespaceOf, resolveDocument } from '../documents/resolve.ts'
import type { ControlState, ResourceKind, SpecOf, StoredResource } from '../store/control-store.ts'
import { diffSpecs } from './diff.ts'
import { checkOwners, checkTransition } from './rules.ts'

/** One resource of an apply, as it shall be. */
export interface PlannedChange<Kind extends ResourceKind = ResourceKind> {
  readonly kind: Kind
  readonly spec: SpecOf[Kind]
  readonly action: 'create' | 'update' | 'unchanged'
  readonly changes: readonly FieldChange[]
  readonly notes: readonly string[]
}

export interface ChangePlan {
  /** In the order in which they can be made: namespaces, clusters, topics, routes. */
  readonly changes: readonly PlannedChange[]
  /** The state after all of them. */
  readonly after: ControlState
}

const order: readonly ResourceKind[] = ['Namespace', 'Cluster', 'Topic', 'Route']

/**
 * What a list of documents would change, and that it may. Pure: asks no cluster and no store. Documents may speak of each other in any
 * order. Throws the Problem of the first document that is wrong.
 */
export function planChanges(documents: readonly CheckedDocument[], state: ControlState): ChangePlan {
  refuseRepetition(documents)
  const after = {
    Namespace: new Map(state.Namespace),
    Cluster: new Map(state.Cluster),
    Topic: new Map(state.Topic),
    Route: new Map(state.Route),
  }
  const changes: PlannedChange[] = []
  for (const checked of [...documents].sort(compareDocuments)) {
    const spec = resolveDocument(checked, after)
    if (checked.kind === 'Topic') {
      const made = impliedNamespace(spec as TopicSpec, after)
      if (made !== undefined) changes.push(made)
    }
    checkTransition(checked.kind, spec, after)
    const before = state[checked.kind].get(spec.name)?.spec
    const fields = diffSpecs(before, spec)
    const action = before === undefined ? 'create' : fields.length > 0 ? 'update' : 'unchanged'
    put(after[checked.kind], spec)
    changes.push({ kind: checked.kind, spec, action, changes: fields, notes: [] })
  }
  checkOwners(after)
  return { changes, after }
}

/** Checks what came in an apply request, naming the place of a bad document. */
export function checkDocuments(documents: readonly unknown[]): readonly CheckedDocument[] {
  return documents.map((document, index) => {
    try {
      return checkDocument(document)
    } catch (error) {
      if (!(error instanceof Problem) || documents.length === 1) throw error
      throw new Problem(error.problem, `document ${index + 1}: ${error.message}`, {
        cause: error,
        extensions: { ...error.extensions, document: index },
      })
    }
  })
}

function refuseRepetition(documents: readonly CheckedDocument[]): void {
  const seen = new Set<string>()
  for (const { label } of documents) {
    if (seen.has(label) && !label.endsWith('(without name)'))
      throw new Problem('invalid-document', `${label} is there twice`)
    seen.add(label)
  }
}

/** Kinds in order; within the clusters, those that name a standby after the others. */
function compareDocuments(a: CheckedDocument, b: CheckedDocument): number {
  const byKind = order.indexOf(a.kind) - order.indexOf(b.kind)
  return byKind || Number('standby' in a.document) - Number('standby' in b.document)
}

/** A namespace is made with the first topic in it, and belongs to that topic's owner. */
function impliedNamespace(
  topic: TopicSpec,
  after: { readonly Namespace: Map<string, StoredResource<'Namespace'>> },
): PlannedChange<'Namespace'> | undefined {
  const name = namespaceOf(topic.name)
  if (after.Namespace.has(name)) return undefined
  const spec = { name, owner: topic.owner }
  put(after.Namespace, spec)
  const notes = [`made for topic ${topic.name}`]
  return { kind: 'Namespace', spec, action: 'create', changes: diffSpecs(undefined, spec), notes }
}

function put<Kind extends ResourceKind>(map: Map<string, StoredResource<Kind>>, spec: SpecOf[Kind]): void {
  const before = map.get(spec.name)
  map.set(spec.name, {
    revision: before?.revision ?? 0,
    createdAt: before?.createdAt ?? '',
    updatedAt: before?.updatedAt ?? '',
    provisioned: before?.provisioned ?? [],
    spec,
  })
}
