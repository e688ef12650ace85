import type { Cluster, Namespace, Route, Topic } from '../../core/resources.ts'
import type { ControlState, ResourceKind, StoredResource } from '../store/control-store.ts'

/** A stored resource as the API shows it. A topic is shown with the Kafka topics of its sinks, after its own. */
export function viewResource(
  kind: ResourceKind,
  resource: StoredResource,
  routes: ControlState['Route'],
): Namespace | Cluster | Topic | Route {
  const { spec, provisioned, revision, createdAt, updatedAt } = resource
  const stored = { revision, createdAt, updatedAt }
  if (kind !== 'Topic') return { ...spec, ...stored } as Namespace | Cluster | Route
  const sinks = [...routes.values()].filter((route) => route.spec.topic === spec.name)
  const all = [...provisioned, ...sinks.flatMap((route) => route.provisioned)]
  return { ...spec, provisioned: all, ...stored } as Topic
}
