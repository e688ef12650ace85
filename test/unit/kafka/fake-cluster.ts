import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { payloadOf, readBatches, visitRecords } from '../../../src/kafka/record-batch-reader.ts'
import { writeUnsignedVarint } from '../../../src/kafka/varint.ts'
import { WireReader } from '../../../src/kafka/wire-reader.ts'
import type { Cleanup } from '../../support/temporary-folder.ts'

export interface ProducedPart {
  readonly topic: string
  readonly partition: number
  readonly values: readonly string[]
}

/** A produce request that a broker got and has not answered. */
export interface HeldRequest {
  readonly parts: readonly ProducedPart[]
  /** Written and acknowledged, or refused with Kafka's error code. */
  answer(code: number): void
  /** The connection is closed without an answer: written or not, the client cannot tell. */
  cut(written: boolean): void
}

interface FakeTopic {
  readonly id: number
  readonly partitions: number
}

/** One broker on a real socket that leads everything, answers for metadata at once and for batches when the test says so. */
export class FakeCluster {
  readonly held: HeldRequest[] = []
  /** Topic → values in the order of their appending, each as `partition:value`. */
  readonly log = new Map<string, string[]>()
  /** Topics that metadata was asked for since this was last cleared. */
  readonly asked = new Set<string>()
  /** Acknowledges every request at once. */
  acksAtOnce = false
  /** Called with each value that is appended. */
  onAppend: (topic: string, partition: number, value: string) => void = () => undefined
  readonly #topics = new Map<string, FakeTopic>()
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #port = 0
  #nextId = 0

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.#serve(socket))
  }

  static async start(owner: Cleanup): Promise<FakeCluster> {
    const server = createServer()
    const cluster = new FakeCluster(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cluster.#port = (server.address() as AddressInfo).port
    owner.after(() => cluster.stop())
    return cluster
  }

  get bootstrap(): readonly string[] {
    return [`127.0.0.1:${this.port}`]
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Values of a topic in one partition. */
  values(topic: string, partition: number): readonly string[] {
    const prefix = `${partition}:`
    const all = this.log.get(topic) ?? []
    return all.filter((value) => value.startsWith(prefix)).map((value) => value.slice(prefix.length))
  }

  /** Made anew when it is there. */
  makeTopic(topic: string, partitions: number): void {
    this.#nextId += 1
    this.#topics.set(topic, { id: this.#nextId, partitions })
  }

  deleteTopic(topic: string): void {
    this.#topics.delete(topic)
  }

  stop(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Nobody listens on its port until `resume`. */
  async pause(): Promise<void> {
    this.stop()
    await once(this.#server, 'close')
  }

  async resume(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    let data = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk])
      while (data.length >= 4 && data.length >= 4 + data.readInt32BE(0)) {
        const end = 4 + data.readInt32BE(0)
        this.#take(socket, data.subarray(4, end))
        data = data.subarray(end)
      }
    })
  }

  #take(socket: Socket, frame: Buffer): void {
    const apiKey = frame.readInt16BE(0)
    const correlationId = frame.readInt32BE(4)
    // Header v2: a nullable string with a length of two bytes, then tagged fields.
    const reader = new WireReader(frame, 10 + Math.max(0, frame.readInt16BE(8)))
    reader.taggedFields()
    const answer = (body: Buffer) => {
      const head = Buffer.alloc(9)
      head.writeInt32BE(5 + body.length, 0)
      head.writeInt32BE(correlationId, 4)
      if (!socket.destroyed) socket.write(Buffer.concat([head, body]))
    }
    if (apiKey === 3) answer(this.#metadata(reader))
    else this.#hold(socket, readParts(reader), answer)
  }

  #hold(socket: Socket, parts: readonly ProducedPart[], answer: (body: Buffer) => void): void {
    const append = () => {
      for (const { topic, partition, values } of parts) {
        const log = this.log.get(topic) ?? []
        this.log.set(topic, log)
        log.push(...values.map((value) => `${partition}:${value}`))
        for (const value of values) this.onAppend(topic, partition, value)
      }
    }
    const settle = () => this.held.splice(this.held.indexOf(request), 1)
    const request: HeldRequest = {
      parts,
      answer: (code) => {
        settle()
        if (code === 0) append()
        answer(produceResponse(parts, code))
      },
      cut: (written) => {
        settle()
        if (written) append()
        socket.destroy()
      },
    }
    this.held.push(request)
    if (parts.some(({ topic }) => !this.#topics.has(topic))) request.answer(3)
    else if (this.acksAtOnce) request.answer(0)
  }

  #metadata(reader: WireReader): Buffer {
    const names: string[] = []
    const count = reader.compactArrayLength()
    for (let index = 0; index < count; index += 1) {
      reader.uuid()
      const name = reader.compactString()
      names.push(name)
      this.asked.add(name)
      reader.taggedFields()
    }
    const broker = Buffer.concat([int32(1), text('127.0.0.1'), int32(this.port), Buffer.from([0, 0])])
    return Buffer.concat([
      int32(0),
      array([broker]),
      text('fake'),
      int32(1),
      array(names.map((name) => describeTopic(name, this.#topics.get(name)))),
      Buffer.from([0]),
    ])
  }
}

function describeTopic(name: string, topic: FakeTopic | undefined): Buffer {
  const id = Buffer.alloc(16)
  id.writeInt32BE(topic?.id ?? 0, 12)
  const partitions = Array.from({ length: topic?.partitions ?? 0 }, (_, index) =>
    Buffer.concat([
      int16(0),
      int32(index),
      int32(1),
      int32(0),
      array([int32(1)]),
      array([int32(1)]),
      array([]),
      Buffer.from([0]),
    ]),
  )
  const rest = Buffer.concat([int32(-2_147_483_648), Buffer.from([0])])
  return Buffer.concat([
    int16(topic === undefined ? 3 : 0),
    text(name),
    id,
    Buffer.from([0]),
    array(partitions),
    rest,
  ])
}

function readParts(reader: WireReader): ProducedPart[] {
  reader.compactNullableString()
  reader.int16()
  reader.int32()
  const parts: ProducedPart[] = []
  const topics = reader.compactArrayLength()
  for (let t = 0; t < topics; t += 1) {
    const topic = reader.compactString()
    const partitions = reader.compactArrayLength()
    for (let p = 0; p < partitions; p += 1) {
      const partition = reader.int32()
      parts.push({ topic, partition, values: valuesOf(reader.compactNullableBytes() ?? Buffer.alloc(0)) })
      reader.taggedFields()
    }
    reader.taggedFields()
  }
  return parts
}

function valuesOf(bytes: Buffer): string[] {
  const values: string[] = []
  for (const batch of readBatches(bytes)) {
    visitRecords(batch, payloadOf(batch), ({ payload, valueStart, valueEnd }) => {
      values.push(payload.toString('utf8', valueStart, valueEnd))
    })
  }
  return values
}

function produceResponse(parts: readonly ProducedPart[], code: number): Buffer {
  const one = ({ topic, partition }: ProducedPart) => {
    const offsets = Buffer.alloc(24)
    const result = Buffer.concat([int32(partition), int16(code), offsets, Buffer.from([1, 0, 0])])
    return Buffer.concat([text(topic), array([result]), Buffer.from([0])])
  }
  return Buffer.concat([array(parts.map(one)), int32(0), Buffer.from([0])])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  return bytes.subarray(0, writeUnsignedVarint(bytes, 0, value + 1))
}

function text(value: string): Buffer {
  return Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)])
}

function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([length(items.length), ...items])
}
