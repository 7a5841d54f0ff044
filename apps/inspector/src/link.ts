import type { ThoughtEdit } from '@subtext/decoder';

import type { SteerDirection } from './engine/protocol';
import { decodeBase64, encodeBase64 } from './source';

export const views = ['strip', 'sees', 'lens', 'early', 'map', 'compare', 'runs'] as const;
export type View = (typeof views)[number];

/** By what the map's points are told apart; a fact by its name, such as `fact:colour top left`. */
export type Colour = (typeof colours)[number] | `fact:${string}`;
const colours = ['answer', 'correct', 'category', 'stage'] as const;

/** What a link brings back. */
export interface Place {
  view: View;
  /** Which of the open models. */
  model: number;
  /** Which example is asked; null: a question of one's own. */
  example: number | null;
  question: string;
  /** One's own picture. */
  picture: Uint8Array | null;
  /** Whose thoughts are taken. */
  another: number | null;
  edits: ThoughtEdit[];
  words: Record<string, string>;
  direction: SteerDirection | null;
  /** The layer whose attention is shown; null: all. */
  layer: number | null;
  /** What the map shows: a stage, or with null the last. */
  stage: string | null;
  /** Whether the map shows all stages together. */
  together: boolean;
  colour: Colour;
  projection: 'pca' | 'umap';
  point: number | null;
}

export const start: Place = {
  view: 'strip',
  model: 0,
  example: null,
  question: '',
  picture: null,
  another: null,
  edits: [],
  words: {},
  direction: null,
  layer: null,
  stage: null,
  together: false,
  colour: 'answer',
  projection: 'pca',
  point: null,
};

/** A picture of more bytes does not fit into an address. */
const MOST_PICTURE = 24_000;

/** A place as the part of an address behind `#`: only what differs from the start. */
export function linkOf(place: Place): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(place)) {
    if (JSON.stringify(value) === JSON.stringify(start[name as keyof Place])) continue;
    if (name === 'question' && place.example !== null) continue;
    if (value instanceof Uint8Array) {
      if (place.example === null && value.length <= MOST_PICTURE) parts.set(name, encodeBase64(value));
    } else parts.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return parts.toString();
}

/** Reads a link; what is not understood is left out. */
export function readLink(text: string): Place {
  const place: Place = { ...start };
  const told = place as unknown as Record<string, unknown>;
  const parts = new URLSearchParams(text.replace(/^#/, ''));
  const read = (name: string) => {
    try {
      return JSON.parse(parts.get(name) ?? 'null') as unknown;
    } catch {
      return null;
    }
  };
  for (const name of ['example', 'another', 'layer', 'point', 'model'])
    if (Number.isInteger(read(name)) && (read(name) as number) >= 0) told[name] = read(name);
  for (const name of ['question', 'stage']) if (parts.has(name)) told[name] = parts.get(name);
  const choose = (name: string, among: readonly string[]) => {
    const value = parts.get(name);
    if (value !== null && among.includes(value)) told[name] = value;
  };
  choose('view', views);
  if (parts.get('colour')?.startsWith('fact:')) told.colour = parts.get('colour');
  else choose('colour', colours);
  place.together = read('together') === true;
  choose('projection', ['pca', 'umap']);
  const edits = read('edits');
  if (Array.isArray(edits)) place.edits = edits.filter(isEdit);
  const words = read('words');
  if (isRecord(words) && Object.values(words).every((value) => typeof value === 'string'))
    place.words = words as Record<string, string>;
  const direction = read('direction');
  if (isRecord(direction) && ['stage', 'to', 'from'].every((key) => typeof direction[key] === 'string'))
    place.direction = direction as unknown as SteerDirection;
  const picture = parts.get('picture');
  if (picture !== null && /^[\w+/]*=*$/.test(picture)) place.picture = decodeBase64(picture);
  return place;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isEdit(value: unknown): value is ThoughtEdit {
  return (
    isRecord(value) &&
    typeof value.stage === 'string' &&
    ['zeros', 'cut', 'mean', 'noise', 'another', 'steer', 'order'].includes(value.kind as string) &&
    (value.kind !== 'order' || (Array.isArray(value.order) && value.order.every(Number.isInteger)))
  );
}
