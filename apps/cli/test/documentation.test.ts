import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { experimentConfiguration } from '../src/experiment/experiment-schema';
import { trainConfiguration } from '../src/configuration/schema';

const read = (path: string) => readFile(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

/** Every key of a schema with its place, through lists and alternatives. */
function keysOf(node: z.core.JSONSchema.BaseSchema, place = ''): string[] {
  const inner = [
    ...(node.anyOf ?? []),
    ...(node.oneOf ?? []),
    ...(node.allOf ?? []),
    ...(typeof node.items === 'object' && !Array.isArray(node.items) ? [node.items] : []),
  ] as z.core.JSONSchema.BaseSchema[];
  const named = Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const path = place === '' ? key : `${place}.${key}`;
    return [path, ...(typeof value === 'object' ? keysOf(value, path) : [])];
  });
  return [...named, ...inner.flatMap((other) => keysOf(other, place))];
}

/** Blocks that several places share are explained once, by their own keys. */
const sharedBlocks = [/^training\.(text|encode|recover)\./, /^interpreters\.model\.lora\./, /^model\.initialisation\./];

describe('docs/configuration.md', () => {
  it('explains every key of the configuration, and no other', async () => {
    const page = await read('docs/configuration.md');
    const keys = [...new Set(keysOf(z.toJSONSchema(trainConfiguration, { io: 'input', unrepresentable: 'any' })))];
    expect(keys.length).toBeGreaterThan(50);
    const written = new Set([...page.matchAll(/`([A-Za-z0-9.]+)`/g)].map((match) => match[1]!));
    const missing = keys.filter(
      (key) => !written.has(sharedBlocks.some((block) => block.test(key)) ? key.slice(key.lastIndexOf('.') + 1) : key),
    );
    expect(missing).toEqual([]);
    const rows = [...page.matchAll(/^\| `([A-Za-z0-9.]+)` \|/gm)].map((match) => match[1]!);
    const known = new Set(keys.flatMap((key) => [key, key.slice(key.lastIndexOf('.') + 1)]));
    expect(rows.filter((row) => !known.has(row))).toEqual([]);
  });
});

describe('docs/guide/experiments.md', () => {
  it('explains every key of an experiment, and no other', async () => {
    const page = await read('docs/guide/experiments.md');
    const keys = keysOf(z.toJSONSchema(experimentConfiguration, { io: 'input', unrepresentable: 'any' }));
    const rows = [...page.matchAll(/^\| `([A-Za-z0-9.]+)` \|/gm)].map((match) => match[1]!);
    expect(rows.sort()).toEqual([...new Set(keys)].sort());
  });
});
