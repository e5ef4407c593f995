/**
 * A column of many values as one text, for `unnest(column(1), …)` in SQL. In Postgres' own array syntax every quote and
 * backslash must be escaped, and what is stored here is mostly JSON: that costs more than all the rest of a write.
 *
 * No value may hold a separator: `storableText` sees to it. A column of a single empty text reads as null.
 */
export function joined(values: readonly (string | number | null)[]): string {
  return values.map((value) => value ?? NULL).join(SEPARATOR)
}

/** SQL for the parameter of this number as an array. */
export function column(parameter: number, type: 'text' | 'integer' | 'float8' = 'text'): string {
  return `string_to_array($${parameter}::text, chr(${SEPARATOR_CODE}), chr(${NULL_CODE}))::${type}[]`
}

/**
 * Text from a stranger as it can be stored. U+0000, which Postgres refuses, and our two separators become replacement
 * characters; lone surrogates do so on their way into UTF-8.
 */
export function storableText(text: string): string {
  return UNSTORABLE.test(text) ? text.replace(ALL_UNSTORABLE, '\ufffd') : text
}

/** "Information separators" that hardly anything has used in decades; in JSON they can only be escaped. */
const SEPARATOR_CODE = 0x1f
const NULL_CODE = 0x1e
const SEPARATOR = String.fromCharCode(SEPARATOR_CODE)
const NULL = String.fromCharCode(NULL_CODE)

const UNSTORABLE = new RegExp(`[${['\0', NULL, SEPARATOR].join('')}]`)
const ALL_UNSTORABLE = new RegExp(UNSTORABLE, 'g')
