import { isDeepStrictEqual } from 'node:util'
import { Problem } from '../../core/problems.ts'
import type { ProvisionedTopic } from '../../core/resources.ts'
import type { Change, ControlState, StoredPlacement, StoredResource } from '../store/control-store.ts'
import type { Places } from './place.ts'
import type { RealisedRoute, RealisedTopic } from './realise.ts'

/**
 * What to commit of a topic whose Kafka topics are as they should be, against what the store holds now: a failover may have moved the
 * topic meanwhile, and an apply never moves it. Nothing where nothing changes. Pure; throws a Problem when it was moved to a cluster
 * that was not looked at.
 */
export function topicChanges(
  { spec, place, made, routes }: RealisedTopic,
  state: ControlState,
  places: Places,
): readonly Change[] {
  const before = state.Topic.get(spec.name)
  const placed = places.placed(spec.name)
  const { degraded: _old, ...where } = placed ?? place
  const here = made.find(({ cluster }) => cluster === where.cluster)
  if (here === undefined)
    throw new Problem('conflict', `Topic ${spec.name} was moved to ${where.cluster} meanwhile: apply again`)
  const held = made.filter(({ cluster }) => where.holders.includes(cluster))
  const provisioned = withMade(before?.provisioned ?? [], held)
  const placement: StoredPlacement = {
    ...where,
    ...(here.degraded === undefined ? {} : { degraded: here.degraded }),
  }
  const changes: Change[] = routes.flatMap((route) => routeChanges(route, state))
  if (!isSame(before, spec, provisioned)) changes.push({ action: 'put', kind: 'Topic', spec, provisioned })
  if (!isDeepStrictEqual(placed, placement)) changes.push({ action: 'place', placement })
  return changes
}

/** The same of a route. Pure. */
export function routeChanges({ spec, made }: RealisedRoute, state: ControlState): readonly Change[] {
  const before = state.Route.get(spec.name)
  return isSame(before, spec, made) ? [] : [{ action: 'put', kind: 'Route', spec, provisioned: made }]
}

/** Clusters of which nothing new is known keep what is known of them. */
export function withMade(
  known: readonly ProvisionedTopic[],
  made: readonly ProvisionedTopic[],
): readonly ProvisionedTopic[] {
  return [...new Map([...known, ...made].map((one) => [one.cluster, one])).values()]
}

function isSame(
  before: StoredResource | undefined,
  spec: object,
  provisioned: readonly ProvisionedTopic[],
): boolean {
  return (
    before !== undefined &&
    JSON.stringify(before.spec) === JSON.stringify(spec) &&
    JSON.stringify(before.provisioned) === JSON.stringify(provisioned)
  )
}
