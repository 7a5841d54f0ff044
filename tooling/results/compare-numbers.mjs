/** What keeps an entry of a list apart from the others, where it has a name. */
const nameOf = (value, index) =>
  typeof value === 'object' && value !== null && typeof value.method === 'string' ? value.method : String(index);

/**
 * Where two results differ, in words. Numbers whose key has a tolerance are compared; others, such as seconds, are
 * those of a machine and are not. A number that one of the two lacks is a difference.
 */
export function compareNumbers({ committed, found, tolerances, path = '' }) {
  if (typeof committed !== 'object' || committed === null) return [];
  return Object.entries(committed).flatMap(([key, value], index) => {
    const place = path === '' ? key : `${path}.${Array.isArray(committed) ? nameOf(value, index) : key}`;
    const other = found?.[key];
    if (typeof value === 'number') {
      if (!Object.hasOwn(tolerances, key)) return [];
      if (typeof other !== 'number') return [`${place} is ${value}, and missing in what the code gives`];
      return Math.abs(value - other) <= tolerances[key] + 1e-12
        ? []
        : [`${place} is ${value}, the code gives ${other} (tolerance ${tolerances[key]})`];
    }
    return compareNumbers({ committed: value, found: other, tolerances, path: place });
  });
}
