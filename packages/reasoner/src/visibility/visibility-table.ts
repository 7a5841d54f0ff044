import { z } from 'zod';

import { ReasonerError } from '../errors';
import { ANSWER, CANDIDATES, IMAGE, isStageName, isTag, ownerOf, PREVIOUS, QUESTION, STEPS, tagRole } from './roles';

/**
 * Who may look at whom: for a role, the roles that it sees besides itself, the prefix, and, a stage, its own tags. A role
 * without a line sees all that stands before it. Keys: `image`, `question`, `candidates` (of graphs), `answer`, a stage's
 * name, and `steps` for every stage without a line of its own. In the lists also `steps`, every stage, and `previous`, the last stage before. A list
 * that names a stage shows its words or thoughts, not its tags, which compute the same and would carry past a thought what
 * it was made of; `<name>` names the tags themselves.
 */
export type VisibilityTable = Readonly<Record<string, readonly string[]>>;

/** Tables by name. `all` is a sequence as it was published: no table. */
export type VisibilityName = 'all' | 'answer' | 'chain';
export const visibilityNames = ['all', 'answer', 'chain'] as const satisfies readonly VisibilityName[];

/** The most roles in a table. */
const MOST_ROLES = 1_000;
const role = z.string().min(1).max(1_000);

/** A table as it is stored. */
export const visibilityTable = z
  .record(role, z.array(role).max(MOST_ROLES))
  .refine((table) => Object.keys(table).length <= MOST_ROLES, `has more than ${MOST_ROLES} roles`);

/** What a configuration may say as its `visibility`. */
export const visibilityConfiguration = z.union([z.enum(visibilityNames), visibilityTable]);

/** The stages whose sights the published chains of thought give: a summary of the question, a caption of the picture, then the reasoning. */
const staged = ['summary', 'caption', 'reasoning'];

/** What a table is made for. */
export interface VisibilitySubject {
  /** Names of the stages that stand in layouts, in order. */
  stages: readonly string[];
  /** Those that stand between question and answer when training is done, in order. @default stages */
  lastStages?: readonly string[];
  /** Whether examples may have a picture. */
  image: boolean;
  /** Whether each thought is fed the state before it, whoever that belongs to (Coconut). @default false */
  fedAcross?: boolean;
  /** Whether the method tells what the answer is chosen from apart from the rest of the question. @default false */
  candidates?: boolean;
}

/**
 * The table that a name or a configuration stands for; undefined for `all`.
 *
 * @throws ReasonerError `unknown-role`; `blind-answer` where the answer would see nothing; `invalid-option` where a stage is
 *   called like another role, or a continuous thought may not see the one whose state it is fed
 */
export function resolveVisibility({
  visibility,
  ...subject
}: VisibilitySubject & { visibility: VisibilityName | VisibilityTable }): VisibilityTable | undefined {
  if (visibility === 'all') return undefined;
  const table = typeof visibility === 'string' ? namedTable({ name: visibility, ...subject }) : visibility;
  checkVisibility({ table, ...subject });
  return table;
}

function namedTable({
  name,
  stages,
  lastStages = stages,
  image,
  candidates = false,
}: VisibilitySubject & { name: Exclude<VisibilityName, 'all'> }): VisibilityTable {
  // The steps go from the root alone; the answer finds the candidate that any of them reached.
  if (candidates)
    return {
      ...(name === 'chain' && { [QUESTION]: [], [CANDIDATES]: [], [STEPS]: [QUESTION, PREVIOUS] }),
      [ANSWER]: [CANDIDATES, STEPS],
    };
  const picture = image ? [IMAGE] : [];
  const prompt = { ...(image && { [IMAGE]: [] }), [QUESTION]: [] };
  if (name === 'answer') return { ...prompt, [ANSWER]: [STEPS] };
  const isStaged = lastStages.at(-1) === 'reasoning' && lastStages.every((stage) => staged.includes(stage));
  if (!isStaged) return { ...prompt, [STEPS]: [QUESTION, ...picture, PREVIOUS], [ANSWER]: [PREVIOUS] };
  const has = (stage: string) => lastStages.includes(stage);
  return {
    ...prompt,
    ...(has('summary') && { summary: [QUESTION] }),
    ...(has('caption') && { caption: image ? picture : [QUESTION] }),
    reasoning: [
      QUESTION,
      ...['summary', 'caption'].filter(has),
      // Somebody has to look at the picture.
      ...(has('caption') ? [] : picture),
    ],
    [ANSWER]: [PREVIOUS],
  };
}

/** Refuses a table that names what there is not, or under which nothing could be answered. */
export function checkVisibility({
  table,
  stages,
  lastStages = stages,
  image,
  fedAcross = false,
  candidates = false,
}: VisibilitySubject & { table: VisibilityTable }): void {
  const all = [...new Set([...stages, ...lastStages])];
  const odd = all.find((stage) => !isStageName(stage));
  if (odd !== undefined) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `A stage is called "${odd}", which in a visibility table means something else. Give the stage another name, or leave the visibility at "all".`,
    });
  }
  const prompt = [...(image ? [IMAGE] : []), QUESTION];
  const given = [...prompt, ...(candidates ? [CANDIDATES] : [])];
  const seen = [...given, ...all, ...all.map(tagRole), STEPS, PREVIOUS];
  for (const [key, list] of Object.entries(table)) {
    const known = [...given, ...all, STEPS, ANSWER];
    if (!known.includes(key)) throw unknownRole({ role: key, where: 'as the one that sees', known });
    const unknown = list.find((name) => !seen.includes(name));
    if (unknown !== undefined)
      throw unknownRole({
        role: unknown,
        where: `among what "${key}" sees`,
        known: [...given, ...all, STEPS, PREVIOUS],
      });
  }
  const answer = table[ANSWER];
  const sees = (list: readonly string[] | undefined, owner: string, previous: string | undefined) =>
    list === undefined ||
    list.some((name) => name === owner || name === STEPS || (name === PREVIOUS && previous === owner));
  const somethingSeen =
    answer === undefined ||
    answer.some((name) => prompt.includes(name)) ||
    lastStages.some((stage) => answer.includes(tagRole(stage)) || sees(answer, stage, lastStages.at(-1)));
  if (!somethingSeen) {
    throw new ReasonerError({
      code: 'blind-answer',
      message: `Under this visibility the answer would see nothing: it may look at [${answer.join(', ')}], and ${lastStages.length === 0 ? 'no step stands between question and answer once training is done' : `between question and answer stand [${lastStages.join(', ')}]`}. Let "answer" see something that is there, or take a method that keeps thoughts or words.`,
    });
  }
  if (!fedAcross) return;
  for (const [index, stage] of lastStages.entries()) {
    const before = lastStages[index - 1];
    if (before === undefined || sees(table[stage] ?? table[STEPS], before, before)) continue;
    throw new ReasonerError({
      code: 'invalid-option',
      message: `Continuous thoughts are fed the state before them, so those of "${stage}" begin with what those of "${before}" hold, which this visibility does not let them see. Let "${stage}" see "${before}", or take thinking tokens (heima), whose stages begin with their own tag.`,
    });
  }
}

function unknownRole({ role, where, known }: { role: string; where: string; known: readonly string[] }): ReasonerError {
  return new ReasonerError({
    code: 'unknown-role',
    message: `There is no role "${role}", which the visibility names ${where}. Take one of: ${known.join(', ')}.`,
  });
}

/** Whether a position of one role may look at an earlier one of another; `previous` is the last stage before the looking one. */
export function maySee({
  table,
  role,
  key,
  previous,
}: {
  table: VisibilityTable;
  role: string;
  key: string;
  previous: string | undefined;
}): boolean {
  const owner = ownerOf(role);
  const list = table[owner] ?? (isStageName(owner) ? table[STEPS] : undefined);
  if (list === undefined) return true;
  if (list.includes(key)) return true;
  if (isTag(key) || !isStageName(key)) return false;
  return list.includes(STEPS) || (list.includes(PREVIOUS) && key === previous);
}
