import { IGNORED_LABEL, type Layout } from '../methods/reasoning-method';
import { alignThoughts, type ContinuousThoughts } from './continuous-thoughts';
import { collateInputs, type GivenInputs } from './given-inputs';
import type { ThoughtRows } from '../forward/thought-measures';
import { type BatchVisibility, batchVisibility } from '../visibility/batch-visibility';
import type { BatchPictures } from './picture-store';

/** Laid-out examples, padded to one length, on the right alone where nothing is fed back, with the rows that carry loss picked out. */
export interface ReasonerBatch {
  rows: number;
  time: number;
  /** int32 `[rows, time]`; padding holds `padId`. */
  ids: Int32Array;
  /** Present where hidden states are fed back; the rows of `ids` then begin behind `offsets` columns of padding. */
  continuous?: ContinuousThoughts;
  /** Index `row · time + position` of each state that must predict a token, with positions counted without padding. */
  lossRows: Int32Array;
  /** The token that each of them must predict. */
  lossLabels: Int32Array;
  /** What each of their losses counts: 1 / (predicted tokens of the whole batch, over all shards). */
  lossWeight: number;
  /** The rows' pictures, in order of the rows. */
  images?: BatchPictures;
  /** Which positions attend to which. @default causal: each position to all before it */
  visibility?: BatchVisibility;
  /** By column, its position, padding included: int32 `[rows, time]`. @default counted from each row's first */
  positions?: { values: Int32Array; largest: number };
  /** Where the rows' thoughts lie. */
  thoughts?: ThoughtRows;
  /** What stands in place of tokens. @default nothing */
  inputs?: GivenInputs;
  /** How often the core of a recurrent model is run, through how many of the last runs gradients go, and how long rows are without padding. @default the model has no core */
  recurrence?: { steps: number; gradientSteps: number; lengths: Int32Array };
}

/** How many tokens a layout must predict. The first position has nothing before it to predict it. */
export function countPredicted({ labels }: Pick<Layout, 'labels'>): number {
  let count = 0;
  for (let i = 1; i < labels.length; i++) if (labels[i] !== IGNORED_LABEL) count++;
  return count;
}

/** The rows of a batch: the examples' own layouts, then those that stand behind them (`LayoutPart.rows`). */
export function batchRows(layouts: readonly Layout[]): Layout[] {
  const behind = layouts.flatMap(({ parts = {} }) => Object.values(parts).flatMap((part) => part?.rows ?? []));
  return [...layouts, ...behind];
}

/** What each predicted token of a batch counts, over all its shards: 1 / predicted tokens of all its rows. */
export function lossWeight(layouts: readonly Layout[]): number {
  return (
    1 /
    Math.max(
      1,
      batchRows(layouts).reduce((sum, layout) => sum + countPredicted(layout), 0),
    )
  );
}

/** Pads layouts and picks out the predicted tokens, shifted by one: position p predicts the token at p + 1. */
export function collateLayouts({
  layouts,
  padId,
  lossWeight,
}: {
  layouts: readonly Layout[];
  padId: number;
  lossWeight: number;
}): ReasonerBatch {
  const rows = layouts.length;
  const aligned = alignThoughts(layouts);
  const time = aligned?.time ?? layouts.reduce((longest, { ids }) => Math.max(longest, ids.length), 1);
  const ids = new Int32Array(rows * time).fill(padId);
  const lossRows: number[] = [];
  const lossLabels: number[] = [];
  for (const [row, layout] of layouts.entries()) {
    ids.set(layout.ids, row * time + (aligned?.continuous.offsets[row] ?? 0));
    for (let position = 1; position < layout.labels.length; position++) {
      const label = layout.labels[position]!;
      if (label === IGNORED_LABEL) continue;
      lossRows.push(row * time + position - 1);
      lossLabels.push(label);
    }
  }
  const recurrence = layouts[0]?.recurrence;
  const inputs = collateInputs({ layouts, time, offsets: aligned?.continuous.offsets });
  return {
    rows,
    time,
    ids,
    ...(inputs && { inputs }),
    ...(recurrence && { recurrence: { ...recurrence, lengths: Int32Array.from(layouts, ({ ids }) => ids.length) } }),
    lossRows: Int32Array.from(lossRows),
    lossLabels: Int32Array.from(lossLabels),
    lossWeight,
    ...thoughtRows({ layouts, time }),
    ...visibilityOf({ layouts, time, offsets: aligned?.continuous.offsets }),
    ...(aligned && { continuous: aligned.continuous }),
  };
}

/** Which positions attend to which in the rows, where their layouts say it. */
function visibilityOf({
  layouts,
  time,
  offsets,
}: {
  layouts: readonly Layout[];
  time: number;
  /** Padding before each row. @default none */ offsets?: Int32Array;
}): Pick<ReasonerBatch, 'visibility'> {
  const rows = layouts.flatMap(({ roles, visibility: table }, row) =>
    table && roles ? [{ roles, table, offset: offsets?.[row] ?? 0 }] : [],
  );
  return rows.length === 0 ? {} : { visibility: batchVisibility({ rows, time }) };
}

/** The states of all thoughts, in order of the rows. */
function thoughtRows({ layouts, time }: { layouts: readonly Layout[]; time: number }): Pick<ReasonerBatch, 'thoughts'> {
  const groups = new Map<string, number>();
  const found = layouts.flatMap(({ thoughts }, row) =>
    thoughts.map(({ stage, index, position }) => {
      const name = JSON.stringify([stage, index]);
      groups.set(name, groups.get(name) ?? groups.size);
      return { row: row * time + Math.max(0, position - 1), group: groups.get(name)! };
    }),
  );
  return found.length === 0
    ? {}
    : {
        thoughts: {
          rows: Int32Array.from(found, ({ row }) => row),
          groups: Int32Array.from(found, ({ group }) => group),
        },
      };
}

/** Cuts a list into `shards` consecutive parts whose sizes differ by at most one. */
export function splitIntoShards<Item>({ items, shards }: { items: readonly Item[]; shards: number }): Item[][] {
  return Array.from({ length: shards }, (_, shard) =>
    items.slice(Math.floor((items.length * shard) / shards), Math.floor((items.length * (shard + 1)) / shards)),
  );
}
