import { useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, smallReasoner } from '../../test/small-reasoners';
import type { Reasoner, VisibilityName } from '../index';
import { ANSWER } from './roles';

let reasoner: Reasoner | undefined;
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));
afterEach(() => {
  reasoner?.dispose();
  reasoner = undefined;
});

/** Tells a sight of a whole layout, and gives what is left behind once the answer is open, by role. */
function leftAfterAll(visibility: VisibilityName) {
  const own = (reasoner = smallReasoner({ method: { name: 'heima' }, visibility }).reasoner);
  const [example] = examplesFor('llama');
  const layout = own.method.layout({
    example: example!,
    phase: own.method.curriculum({ stages: own.settings.stages }).at(-1)!,
    context: own.layoutContext(),
  });
  const [sight] = own.sights({ questions: [example!] })!;
  let openedAt = -1;
  for (const [position, id] of layout.ids.entries()) {
    sight!.push(id);
    if (openedAt < 0 && sight!.leftBehind() !== null) openedAt = position;
  }
  const left = sight!.leftBehind()!;
  const roles = { goes: new Set<string>(), stays: new Set<string>() };
  for (const [position, role] of sight!.roles.entries()) {
    roles[left(position) ? 'goes' : 'stays'].add(role);
    // Nothing of the answer may look at what goes.
    for (const later of sight!.roles.keys())
      if (left(position) && later >= openedAt && sight!.roles[later] === ANSWER && later > openedAt)
        expect(sight!.sees(later, position)).toBe(false);
  }
  return { roles, openedAt, firstAnswer: sight!.roles.indexOf(ANSWER), length: layout.ids.length };
}

describe('what nobody will look at any more', () => {
  it('is known when the answer is open, and not before: until then another stage may come', () => {
    const { openedAt, firstAnswer, length } = leftAfterAll('chain');
    expect(openedAt).toBeGreaterThanOrEqual(firstAnswer);
    expect(openedAt).toBeLessThan(length - 1);
  });

  it('is all but the last stage where the answer sees that alone, and only the question where it sees every stage', () => {
    const chain = leftAfterAll('chain').roles;
    expect([...chain.goes]).toEqual(expect.arrayContaining(['question', 'summary', 'caption']));
    expect([...chain.stays]).toEqual(expect.arrayContaining(['reasoning', ANSWER]));
    expect(chain.stays.has('question')).toBe(false);
    reasoner?.dispose();
    const answer = leftAfterAll('answer').roles;
    expect(answer.goes.has('question')).toBe(true);
    for (const stage of ['summary', 'caption', 'reasoning']) expect(answer.stays.has(stage)).toBe(true);
  });
});
