import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { unknownWord } from '../../core/did-you-mean.ts'
import { Problem } from '../../core/problems.ts'
import { isObject } from '../documents/check.ts'

const ajv = new Ajv2020({ strict: false, useDefaults: true })

/** A check of a request's body that says what was meant; gives the body. Throws `invalid-document`. */
export function bodyCheck<Body>(schema: { readonly properties: object }): (body: unknown) => Body {
  const validate: ValidateFunction = ajv.compile(schema)
  const known = Object.keys(schema.properties)
  return (body) => {
    if (!isObject(body)) throw new Problem('invalid-document', 'the body must be a JSON object')
    const stranger = Object.keys(body).find((key) => !known.includes(key))
    if (stranger !== undefined)
      throw new Problem('invalid-document', unknownWord('key', stranger.slice(0, 100), known))
    if (!validate(body)) throw new Problem('invalid-document', sentence(validate.errors?.[0]))
    return body as Body
  }
}

function sentence(error: ErrorObject | undefined): string {
  if (error?.keyword === 'required') return `${String(error.params.missingProperty)}: is missing`
  const path = error?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  return `${path === '' ? '' : `${path}: `}${error?.message ?? 'is wrong'}`
}
