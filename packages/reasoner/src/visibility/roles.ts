/**
 * What a position of a sequence is: `prefix` (the tokens before everything else), `image`, `question`, `candidates` (what the
 * answer is chosen from, in methods that tell these apart from the rest of the question), a stage by its name
 * (its words or its thoughts), a stage's tags ({@link tagRole}), words that its thoughts are made from ({@link wordsRole}),
 * or `answer` with its tags and the end of the response.
 */
export type Role = string;

/** The roles that every sequence may have. A stage cannot be called so. */
export const PREFIX = 'prefix';
export const IMAGE = 'image';
export const QUESTION = 'question';
export const CANDIDATES = 'candidates';
export const ANSWER = 'answer';

/** In a table: every stage. */
export const STEPS = 'steps';
/** In a table: the last stage before. */
export const PREVIOUS = 'previous';

/** What stands for no role: a position that nothing else sees. */
export const NO_ROLE = '';

const reserved: readonly string[] = [PREFIX, IMAGE, QUESTION, CANDIDATES, ANSWER, STEPS, PREVIOUS];

/** The role of the marks around a stage's words or thoughts. They see what the stage sees, and no other role sees them. */
export function tagRole(stage: string): Role {
  return `<${stage}>`;
}

/**
 * The role of words that a stage's thoughts are made from instead of what they are otherwise made from. The stage sees them
 * and nothing else that stands before it; no other role sees them.
 */
export function wordsRole(stage: string): Role {
  return `"${stage}"`;
}

/**
 * The role of words that tell what a stage's thoughts hold. They see these thoughts and nothing else that stands before
 * them, tags included; no other role sees them.
 */
export function toldRole(stage: string): Role {
  return `[${stage}]`;
}

/** The stage that the role of a tag, of words to make thoughts from or of words that tell thoughts belongs to; any other role itself. */
export function ownerOf(role: Role): Role {
  return isTag(role) || isWords(role) || isTold(role) ? role.slice(1, -1) : role;
}

/** Whether a role is that of words which a stage's thoughts are made from. */
export function isWords(role: Role): boolean {
  return role.length > 2 && role.startsWith('"') && role.endsWith('"');
}

/** Whether a role is that of words that tell a stage's thoughts. */
export function isTold(role: Role): boolean {
  return role.length > 2 && role.startsWith('[') && role.endsWith(']');
}

/** Whether a role is that of a stage's marks. */
export function isTag(role: Role): boolean {
  return role.length > 2 && role.startsWith('<') && role.endsWith('>');
}

/** Whether a role is a stage's, its marks' included. */
export function isOfStage(role: Role): boolean {
  return role !== NO_ROLE && !reserved.includes(role);
}

/** Whether a stage's name can be told from the other roles. */
export function isStageName(name: string): boolean {
  return name !== '' && !reserved.includes(name) && !isTag(name) && !isWords(name) && !isTold(name);
}
