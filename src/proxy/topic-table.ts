import type { PlacementDocument, TopicPlacement } from '../core/placement.ts'
import type { RecordHeader } from '../core/record.ts'

const epochName = Buffer.from('forebay_epoch')

/** The placement as the data path asks for it: one look-up by name. Made anew with each document. */
export class TopicTable {
  #topics: ReadonlyMap<string, TopicPlacement> | undefined
  #clusterOf: ReadonlyMap<string, string> = new Map()
  #epochHeader: RecordHeader = { name: epochName, value: Buffer.from('0') }

  use(document: PlacementDocument): void {
    this.#topics = new Map(document.placements.map((placement) => [placement.topic, placement]))
    this.#epochHeader = { name: epochName, value: Buffer.from(String(document.version)) }
    this.#clusterOf = new Map(document.placements.map(({ topic, cluster }) => [topic, cluster]))
  }

  /** Topic → the cluster it is placed on now. */
  get clusterOf(): ReadonlyMap<string, string> {
    return this.#clusterOf
  }

  /** For events with a key: the placement version at their arrival, so that readers can order a key's records over two clusters. */
  get epochHeader(): RecordHeader {
    return this.#epochHeader
  }

  /** Clusters that topics are placed on now. */
  clusters(): ReadonlySet<string> {
    return new Set(this.#clusterOf.values())
  }

  /** False until the first document: nothing can be said about any topic (semantics "Placement"). */
  get known(): boolean {
    return this.#topics !== undefined
  }

  find(topic: string): TopicPlacement | undefined {
    return this.#topics?.get(topic)
  }
}
