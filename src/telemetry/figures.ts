import { type Aggregator, type Metric, Registry } from 'prom-client'

/** One metric of one process at one instant, as prom-client gives it in JSON; can be sent to another process. */
export interface Figure {
  readonly name: string
  readonly help: string
  /** `counter`, `gauge`, `histogram`, `summary`. */
  readonly type: string
  /** How values of equal labels become one; `sum` when absent. */
  readonly aggregator?: Aggregator
  readonly values: readonly FigureRow[]
}

export interface FigureRow {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number | undefined>>
  /** Of histograms: the name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string
}

export type Figures = readonly Figure[]

/** What one process says of itself. */
export interface FigureSource {
  /** Becomes the label `worker` of the metrics that describe a process (`process_…`, `nodejs_…`): a sum of those says nothing. */
  readonly worker: string
  readonly figures: Figures
}

/** All metrics of a registry, read in one turn of the event loop. */
export async function readFigures(registry: Registry): Promise<Figures> {
  return (await registry.getMetricsAsJSON()) as unknown as Figures
}

/** The figures of several processes as if they were one. The order of metrics and rows is that of their first appearance. */
export function mergeFigures(sources: readonly FigureSource[]): Figures {
  const merged = new Map<string, Merging>()
  for (const { worker, figures } of sources) {
    for (const figure of figures) {
      if (figure.aggregator === 'omit') continue
      let target = merged.get(figure.name)
      if (target === undefined) {
        target = { figure, rows: new Map() }
        merged.set(figure.name, target)
      }
      const label = describesProcess(figure) ? worker : undefined
      for (const row of figure.values) addRow(target, row, label)
    }
  }
  return [...merged.values()].map(({ figure, rows }) => ({ ...figure, values: [...rows.values()] }))
}

/**
 * What is left of processes that have ended: their counters and histograms, summed. Added to the living as one more source, it keeps
 * a counter from going backwards. Gauges and what describes a process go with the process.
 */
export function retireFigures(base: Figures, figures: Figures): Figures {
  const grows = ({ type }: Figure) => type === 'counter' || type === 'histogram'
  const kept = figures.filter((figure) => grows(figure) && !describesProcess(figure))
  return mergeFigures([
    { worker: '', figures: base },
    { worker: '', figures: kept },
  ])
}

/** The text that `/metrics` answers with, and its content type. */
export async function printFigures(figures: Figures): Promise<{ contentType: string; text: string }> {
  const registry = new Registry()
  for (const figure of figures) {
    const metric = { name: figure.name, get: async () => figure, reset: () => undefined }
    registry.registerMetric(metric as unknown as Metric)
  }
  return { contentType: registry.contentType, text: await registry.metrics() }
}

interface Merging {
  readonly figure: Figure
  readonly rows: Map<string, FigureRow>
}

function describesProcess({ name }: Figure): boolean {
  return name.startsWith('process_') || name.startsWith('nodejs_')
}

function addRow({ figure, rows }: Merging, row: FigureRow, worker: string | undefined): void {
  const labels = worker === undefined ? row.labels : { ...row.labels, worker }
  const key = rowKey(row.metricName, labels)
  const before = rows.get(key)
  const value = before === undefined ? row.value : combine(figure, before.value, row.value)
  rows.set(key, { ...row, labels, value })
}

/** Two rows are the same when their labels are, in whatever order. */
function rowKey(metricName = '', labels: FigureRow['labels']): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(String(value))}`)
  return `${metricName} ${pairs.sort().join()}`
}

function combine({ name, aggregator = 'sum' }: Figure, a: number, b: number): number {
  if (aggregator === 'sum') return a + b
  if (aggregator === 'min') return Math.min(a, b)
  if (aggregator === 'max') return Math.max(a, b)
  if (aggregator === 'first') return a
  throw new RangeError(`${name}: figures of several processes cannot be merged by ${aggregator}`)
}
