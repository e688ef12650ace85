/** `undefined` as soon as it is longer than `maxBytes`; the rest is not read. Rejects as the body does. */
export async function readBounded(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length).toString('utf8')
}
