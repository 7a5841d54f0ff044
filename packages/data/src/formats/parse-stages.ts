import type { ReasoningStep } from '../reasoning-example';
import type { FaultKind } from './fault-log';

/** The stages of LLaVA-CoT's answers, in order; the last is the answer itself. */
export const llavaCotStages = ['SUMMARY', 'CAPTION', 'REASONING', 'CONCLUSION'] as const;

/** A staged text taken apart, or why it can't be. */
export type ParsedStages =
  { steps: ReasoningStep[]; answer: string; outside: string } | { fault: FaultKind; message: string };

/**
 * Takes apart `<SUMMARY> … </SUMMARY> <CAPTION> … </CAPTION> …`: every stage once, in order, none empty.
 * The last stage is the answer; the others become steps named in lower case. Text between stages goes to `outside`.
 */
export function parseStages(options: { text: string; stages?: readonly string[] }): ParsedStages {
  const { text, stages = llavaCotStages } = options;
  const tag = new RegExp(`<(/?)(${stages.map((stage) => stage.replace(/[^\w]/g, '\\$&')).join('|')})>`, 'g');
  const found: { stage: string; text: string }[] = [];
  let outside = '';
  let open: { stage: string; start: number } | undefined;
  let end = 0;
  for (const match of text.matchAll(tag)) {
    const [whole, slash, stage] = match as unknown as [string, string, string];
    if (slash === '' && open === undefined) {
      outside += text.slice(end, match.index);
      open = { stage, start: match.index + whole.length };
    } else if (slash === '/' && open?.stage === stage) {
      found.push({ stage, text: text.slice(open.start, match.index).trim() });
      open = undefined;
    } else {
      return open
        ? { fault: 'stage-missing', message: `<${open.stage}> is not closed before ${whole}.` }
        : { fault: 'stage-missing', message: `${whole} closes a stage that was not opened.` };
    }
    end = match.index + whole.length;
  }
  if (open) return { fault: 'stage-missing', message: `<${open.stage}> is not closed.` };
  outside += text.slice(end);

  for (const stage of stages) {
    const times = found.filter((part) => part.stage === stage);
    if (times.length === 0) return { fault: 'stage-missing', message: `the stage <${stage}> is missing.` };
    if (times.length > 1)
      return { fault: 'stage-repeated', message: `the stage <${stage}> stands ${times.length} times.` };
    if (times[0]!.text === '') return { fault: 'stage-empty', message: `the stage <${stage}> is empty.` };
  }
  if (found.some((part, index) => part.stage !== stages[index])) {
    return {
      fault: 'stage-order-wrong',
      message: `the stages stand in the order ${found.map((part) => part.stage).join(', ')}; expected ${stages.join(', ')}.`,
    };
  }
  return {
    steps: found.slice(0, -1).map((part) => ({ name: part.stage.toLowerCase(), text: part.text })),
    answer: found[found.length - 1]!.text,
    outside: outside.trim(),
  };
}

/** Writes steps and answer as staged text, the inverse of `parseStages`. */
export function formatStages(options: { texts: readonly string[]; stages?: readonly string[] }): string {
  const { texts, stages = llavaCotStages } = options;
  return stages.map((stage, index) => `<${stage}> ${texts[index]!} </${stage}>`).join('\n\n');
}
