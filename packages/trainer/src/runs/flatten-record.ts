/** A value by its keys, as `a.b.c`, each as JSON. */
export function flattenRecord(value: unknown, place = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, inner] of Object.entries(value)) flattenRecord(inner, place === '' ? key : `${place}.${key}`, into);
  } else into.set(place, JSON.stringify(value));
  return into;
}
