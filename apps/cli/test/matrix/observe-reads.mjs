// Which keys of a configuration a program reads: each object of it stands behind a proxy that notes what is asked for.
// Writing it down (JSON.stringify) reads nothing; a copy ({ ...block }) is noted apart, for it tells only that the block
// was handed on.

/** The keys' places, lists' indices left out: `logs.modules.path`. */
export function observeReads(leaves) {
  const reads = new Set();
  const copies = new Set();
  const blocks = new Set(
    leaves.flatMap((leaf) => leaf.split('.').map((_, index, keys) => keys.slice(0, index).join('.'))),
  );
  let writing = 0;
  const stringify = JSON.stringify;
  JSON.stringify = (...rest) => {
    writing += 1;
    try {
      return stringify(...rest);
    } finally {
      writing -= 1;
    }
  };
  const watch = (value, place) => {
    // Below the leaves, values are free: a model's config.json, a logger's options.
    if (typeof value !== 'object' || value === null || !blocks.has(place)) return value;
    let copying = [];
    return new Proxy(value, {
      ownKeys(target) {
        copying = Reflect.ownKeys(target);
        return copying;
      },
      get(target, key, receiver) {
        const found = Reflect.get(target, key, receiver);
        if (typeof key !== 'string' || !Object.hasOwn(target, key)) {
          // A key that is left out, asked for by its name.
          if (typeof key === 'string' && writing === 0 && leaves.includes(join(place, key)))
            reads.add(join(place, key));
          return found;
        }
        const inList = Array.isArray(target);
        if (inList && !/^\d+$/.test(key)) return found;
        const at = inList ? place : join(place, key);
        const copied = copying.indexOf(key);
        if (writing === 0 && !inList) (copied >= 0 ? copies : reads).add(at);
        copying = copied >= 0 ? copying.slice(copied + 1) : [];
        // A schedule by the phase's name: its keys are those of every schedule.
        return watch(found, place === 'training.phases' ? `${place}.*` : at);
      },
    });
  };
  return { observe: (configuration) => watch(configuration, ''), reads, copies };
}

const join = (place, key) => (place === '' ? key : `${place}.${key}`);
