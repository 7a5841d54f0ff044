import type { CardExample } from '@subtext/decoder/cards';

import type { ExampleFacts } from './engine/protocol';

/** An example of a data set, with the address of its picture. */
export interface Example extends ExampleFacts {
  /** What fetches it: an address of the page's own server, or the picture itself as `data:`. */
  image?: string;
  /** Its file as a command names it. */
  imageFile?: string;
}

/** A model that can be opened without choosing a folder. */
export interface OfferedModel {
  /** As a command names it. */
  path: string;
  files: { path: string; size: number; address: string }[];
  /** Its last audit, where there is one. */
  audit?: Audit;
}

/** What an audit said of a model's thoughts. */
export interface Audit {
  /** The file that it stands in. */
  file: string;
  /** What it asked; empty where the file does not say. */
  task: string;
  /** Examples that were asked; null where the file does not say. */
  count: number | null;
  /** Of all thoughts together; null where only stages were audited. */
  thoughts: AuditVerdict | null;
  stages: ({ stage: string } & AuditVerdict)[];
  /** What was told in words, stage by stage. */
  words: { stage: string; edit: string; follows: AuditShare | null; stays: AuditShare | null }[];
  /** Whether the model has changed since; null where the file does not say of which weights it is. */
  old: boolean | null;
}

/** A verdict and what it rests on. */
export interface AuditVerdict {
  verdict: string;
  /** False where there were too few examples to tell it from its neighbour. */
  certain: boolean;
  evidence: string[];
  /** What of the answers `share` is. */
  measure: 'follows' | 'changes' | 'depends' | null;
  share: AuditShare | null;
}

/** A share with its 95 % interval, each from 0 to 1, and of how many examples. */
export interface AuditShare {
  value: number;
  interval: [number, number];
  count: number | null;
}

/** A training run as a table and curves. */
export interface Run {
  name: string;
  facts: Record<string, string>;
  curves: Record<string, { step: number; value: number }[]>;
  problems: string[];
  /** Tables that it left behind. */
  tables: { title: string; columns: string[]; rows: (string | number | null)[][] }[];
  /** What it answered to examples that it never saw; `picture`: a place among the offer's pictures. */
  gallery: (Omit<CardExample, 'image'> & { picture?: number })[];
  /** Pictures of its folder, by the same places. */
  pictures: { name: string; picture: number }[];
}

/** What a page starts with. */
export interface Offered {
  models: OfferedModel[];
  examples: Example[];
  /** What is said of the data: its folder. */
  data?: string;
  runs: Run[];
  /** What fetches the pictures of runs. */
  pictures: string[];
  /** The view that it opens with, as the part of an address behind `#`. */
  view?: string;
  /** What went wrong when it was made. */
  problems: string[];
}

const nothing: Offered = { models: [], examples: [], runs: [], pictures: [], problems: [] };

/** Where the page was made into one file, what it holds; the server's offer; or nothing: a folder is chosen. */
export async function findOffer(): Promise<Offered> {
  const inside = document.getElementById('subtext-offer');
  if (inside !== null) return { ...nothing, ...(JSON.parse(inside.textContent ?? '{}') as Partial<Offered>) };
  if (!new URLSearchParams(location.search).has('token')) return nothing;
  const response = await ask('api/offer');
  if (!response.ok)
    throw new Error(
      `The server answered ${response.status}: ${await response.text()} Open the address that \`subtext inspect\` printed.`,
    );
  return { ...nothing, ...((await response.json()) as Partial<Offered>) };
}

/** Asks the page's own server, with the token of the page's address. */
export function ask(address: string): Promise<Response> {
  const token = new URLSearchParams(location.search).get('token') ?? '';
  return fetch(address, { headers: { 'x-subtext-token': token } });
}

/** The bytes behind an address of an offer. */
export async function bytesOf(address: string): Promise<Uint8Array> {
  const inside = /^data:[^,]*;base64,(.*)$/s.exec(address)?.[1];
  if (inside !== undefined) return decodeBase64(inside);
  const response = await ask(address);
  if (!response.ok) throw new Error(`${address} cannot be read: the server answered ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The files of an offered model. */
export async function filesOf({ files }: OfferedModel): Promise<Record<string, Blob>> {
  const read = await Promise.all(
    files.map(async ({ path, address }) => [path, new Blob([(await bytesOf(address)) as BlobPart])] as const),
  );
  return Object.fromEntries(read);
}

export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
