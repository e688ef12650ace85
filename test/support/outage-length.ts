/** Long times, full rates and strict limits: `npm run test:fault` without `--short`. */
export const fullLength = process.env.TEST_FAULT_FULL === '1'

/** For the `skip` of what only the long form has time for. */
export const onlyFullLength = fullLength ? false : 'only in the long form'
