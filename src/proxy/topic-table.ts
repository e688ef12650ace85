import type { PlacementDocument, TopicPlacement } from '../core/placement.ts'

/** The placement as the data path asks for it: one look-up by name. Made anew with each document. */
export class TopicTable {
  #topics: ReadonlyMap<string, TopicPlacement> | undefined

  use(document: PlacementDocument): void {
    this.#topics = new Map(document.placements.map((placement) => [placement.topic, placement]))
  }

  /** False until the first document: nothing can be said about any topic (semantics "Placement"). */
  get known(): boolean {
    return this.#topics !== undefined
  }

  find(topic: string): TopicPlacement | undefined {
    return this.#topics?.get(topic)
  }
}
