import { describe, expect, it } from 'vitest';

import { commandOf } from './commands';
import { linkOf, type Place, readLink, start } from './link';

const place: Place = {
  ...start,
  view: 'map',
  example: 3,
  another: 0,
  edits: [{ kind: 'noise', stage: 'caption', index: 1, amount: 0.5 }],
  words: { caption: 'a <b>red</b> & "blue" square #1' },
  stage: 'caption',
  together: true,
  colour: 'fact:colour top left',
};
const examples = [0, 1, 2, 3].map((index) => ({
  id: `${index}`,
  question: `what is $(it) ${index} ?`,
  answer: 'red',
  steps: [],
  imageFile: `images/${index}.png`,
}));

describe('links', () => {
  it('bring a place back, one’s own question and picture too', () => {
    expect(readLink(`#${linkOf(place)}`)).toEqual(place);
    const own = { ...start, question: 'what & why = ?', picture: Uint8Array.of(1, 2, 255) };
    expect(readLink(linkOf(own))).toEqual(own);
    expect(linkOf(start)).toBe('');
  });

  it.each([
    'edits=%5B%7B%22kind%22%3A%22run%22%7D%5D',
    'example=-1&model=x',
    'edits=[[',
    'view=__proto__',
    'words=[1]',
    'picture=%3Cscript%3E',
  ])('pass over what is not understood: %s', (link) => expect(readLink(link)).toEqual(start));
});

describe('commands', () => {
  it('say in the shell’s words what the page shows', () => {
    expect(commandOf({ place: { ...place, words: {} }, model: 'runs/start/reasoner', examples })).toEqual({
      command:
        'npx subtext think --model runs/start/reasoner --image images/3.png --change caption.2=noise:0.5 --json --trace "what is \\$(it) 3 ?"',
    });
    const swapped = { ...start, example: 1, another: 2, edits: [{ kind: 'another' as const, stage: 'caption' }] };
    expect(commandOf({ place: swapped, model: 'my model', examples })).toEqual({
      command:
        'npx subtext think --model "my model" --image images/1.png --swap caption --from "what is \\$(it) 2 ?" --from-image images/2.png --json --trace "what is \\$(it) 1 ?"',
    });
  });

  it('say where there is none', () => {
    const mean = { ...start, example: 1, edits: [{ kind: 'mean' as const, stage: 'caption' }] };
    expect(commandOf({ place: mean, model: 'm', examples })).toEqual({
      none: expect.stringMatching(/no set of examples/) as string,
    });
  });
});
