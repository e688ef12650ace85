import { grouped, table } from '../../src/cli/output.ts'
import type { MultisetDigest } from '../verify/multiset-digest.ts'
import type { DemoTopic } from './parcels.ts'
import type { Place } from './places.ts'

/** One line for each place that is not exactly what was sent; empty when all are. */
export function differences(
  places: readonly Place[],
  sent: Readonly<Record<DemoTopic, MultisetDigest>>,
): string[] {
  return places.flatMap(({ topic, name, arrivals }) => {
    const { missing, duplicates, strange, digest } = arrivals
    const what = [
      ...(missing > 0 ? [`${grouped(missing)} missing`] : []),
      ...(duplicates > 0 ? [`${grouped(duplicates)} duplicated`] : []),
      ...(strange > 0 ? [`${grouped(strange)} never sent`] : []),
      ...(missing + duplicates + strange === 0 && !digest.equals(sent[topic]) ? ['bytes altered'] : []),
    ]
    return what.length === 0 ? [] : [`${topic} in ${name}: ${what.join(', ')}`]
  })
}

/** Counts, rates and digests of what was sent and what arrived where. Rates are events per second since the first request. */
export function demoTable(
  places: readonly Place[],
  sent: Readonly<Record<DemoTopic, MultisetDigest>>,
  { startMs, sentMs }: { startMs: number; sentMs: number },
): string {
  const rate = (count: number, endMs: number | undefined) =>
    endMs === undefined ? '-' : `${grouped(count / ((endMs - startMs) / 1000))}/s`
  const rows = Object.entries(sent).flatMap(([topic, digest]) => [
    [topic, 'sent', digest.count, digest.bytes, rate(digest.count, sentMs), digest.toString()],
    ...places
      .filter((place) => place.topic === topic)
      .map(({ name, arrivals, completeMs }) => [
        topic,
        name,
        arrivals.digest.count,
        arrivals.digest.bytes,
        rate(arrivals.digest.count, completeMs),
        arrivals.digest.equals(digest) ? `${arrivals.digest} same` : `${arrivals.digest} DIFFERENT`,
      ]),
  ])
  return table(['topic', 'where', 'events', 'bytes', 'rate', 'digest'], rows)
}
