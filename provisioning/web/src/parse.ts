/**
 * Parsers for what the manager sends: each takes an unknown value and gives a typed one, or refuses it by name.
 *
 * An answer goes through one of them where it enters; past that line nobody checks again. Types are read off the
 * parsers (`Parsed<typeof device>`), so the two cannot drift apart. Fields that a parser does not name are dropped.
 */

/** The manager sent something else than agreed; `path` names the field at fault. */
export class BadAnswer extends Error {
  constructor(
    readonly path: string,
    readonly expected: string,
  ) {
    super(`${path}: expected ${expected}`);
  }
}

export type Parse<T> = (value: unknown, path: string) => T;
export type Parsed<P> = P extends Parse<infer T> ? T : never;

export const text: Parse<string> = (value, path) => {
  if (typeof value !== "string") throw new BadAnswer(path, "text");
  return value;
};

export const number: Parse<number> = (value, path) => {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new BadAnswer(path, "a number");
  return value;
};

export const boolean: Parse<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new BadAnswer(path, "true or false");
  return value;
};

/** A moment, written as ISO 8601 or as Unix seconds; gives Unix milliseconds. */
export const moment: Parse<number> = (value, path) => {
  const milliseconds = typeof value === "number" ? value * 1000 : Date.parse(text(value, path));
  if (!Number.isFinite(milliseconds)) throw new BadAnswer(path, "a time");
  return milliseconds;
};

/** Whatever it is; for values that are handed on to somebody who checks them. */
export const anything: Parse<unknown> = (value) => value;

/** Null and a missing field both give null. */
export function nullable<T>(inner: Parse<T>): Parse<T | null> {
  return (value, path) => (value === null || value === undefined ? null : inner(value, path));
}

/** As `nullable`, with `fallback` in the place of null. */
export function otherwise<T>(inner: Parse<T>, fallback: T): Parse<T> {
  return (value, path) => (value === null || value === undefined ? fallback : inner(value, path));
}

export function oneOf<T extends string>(...choices: readonly T[]): Parse<T> {
  return (value, path) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new BadAnswer(path, choices.join(" | "));
    return found;
  };
}

export function list<T>(inner: Parse<T>): Parse<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new BadAnswer(path, "a list");
    return value.map((item, index) => inner(item, `${path}[${index}]`));
  };
}

export function record<T>(inner: Parse<T>): Parse<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(members(value, path));
    return Object.fromEntries(entries.map(([name, item]) => [name, inner(item, `${path}.${name}`)]));
  };
}

export function object<T extends object>(fields: { [K in keyof T]: Parse<T[K]> }): Parse<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return (value, path) => {
    const source = members(value, path);
    const result = {} as T;
    for (const name of names) result[name] = fields[name](source[name], `${path}.${name}`);
    return result;
  };
}

function members(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadAnswer(path, "an object");
  return value as Record<string, unknown>;
}
