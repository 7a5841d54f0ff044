import { findOverlap, readExamples, type ReasoningExample } from '@subtext/data';
import { type Output, UsageError } from '@subtext/terminal';

import type { TrainConfiguration } from '../configuration/schema';

/** What a held-out set has in common with the training set. */
export interface OverlapReport {
  file: string;
  examples: number;
  /** Examples that stand in the training set too. */
  shared: number;
}

/** Ids that a message names. */
const NAMED = 5;

/**
 * Compares the training set with every held-out set that a configuration names, by hashes of what the examples ask.
 * What they share is refused, or told where `data.overlap` is `report`.
 */
export async function checkOverlap({
  data,
  examples,
  output,
}: {
  data: TrainConfiguration['data'];
  /** The training set. */ examples: readonly ReasoningExample[];
  output: Output;
}): Promise<OverlapReport[]> {
  const { validation, evaluation, overlap: measure } = data;
  const files = [
    ...new Set([
      ...(validation === undefined ? [] : [validation]),
      ...(typeof evaluation === 'string' ? [evaluation] : (evaluation ?? [])),
    ]),
  ];
  const reports: OverlapReport[] = [];
  if (files.length === 0) return reports;
  // Pictures count where two sets ask one question, also for a model that is not shown them. Faults are told elsewhere.
  const whole = { ...data, images: true, faults: 1 };
  const trained = data.images ? examples : (await readExamples({ ...whole, path: data.train })).examples;
  for (const path of files) {
    const heldOut = await readExamples({ ...whole, path, limit: undefined, categories: undefined });
    const { count, heldOutExamples, pairs } = await findOverlap({ train: trained, heldOut: heldOut.examples });
    reports.push({ file: heldOut.report.file, examples: heldOutExamples, shared: count });
    if (count === 0) continue;
    const named = pairs
      .slice(0, NAMED)
      .map(({ train, heldOut: held }) => `${held} = ${train}`)
      .join(', ');
    const message = `${count} of the ${heldOutExamples} examples of ${path} stand in the training set ${data.train} too: ${named}${count > NAMED ? ', …' : ''}.`;
    if (measure === 'refuse')
      throw new UsageError(
        `${message} Results on them would be meaningless. Remove them from either set, or set data.overlap=report to train anyway.`,
      );
    output.event({ event: 'overlap', file: path, shared: count, examples: heldOutExamples }, `  Warning: ${message}`);
  }
  return reports;
}
