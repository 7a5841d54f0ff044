import { describe, expect, it } from 'vitest';

import { cardStyles, exampleCard, verdictCard } from '../cards';

const attack = `<script>alert("x")</script>' onload='y`;

describe('cards', () => {
  it('show all that they are told as text', () => {
    const html = exampleCard({
      name: attack,
      question: attack,
      answer: attack,
      expected: attack,
      correct: false,
      image: { source: attack, alternativeText: attack },
      thinkingTokens: [attack],
      counts: [attack],
      output: attack,
      thoughts: [
        {
          stage: attack,
          reading: attack,
          truth: `${attack} more`,
          note: attack,
          drawing: { source: attack, alternativeText: attack, pixelated: true },
          changes: [{ change: attack, answer: attack, expected: attack, follows: false }],
        },
      ],
    });
    const verdict = verdictCard({
      verdict: attack,
      certain: true,
      measure: attack,
      share: { value: 1, interval: [0, 1] },
    });
    for (const page of [html, verdict]) {
      expect(page).not.toContain('<script');
      expect(page).not.toMatch(/' onload='/);
    }
    expect(html).toContain('&lt;script&gt;');
  });

  it('say a verdict with the share that it rests on and its interval', () => {
    const share = { value: 0.98, interval: [0.955, 0.991] as const };
    expect(verdictCard({ verdict: 'used', certain: true, measure: 'follows', share })).toBe(
      '<span class="verdict good" data-verdict="used">used</span> <span class="interval">follows 98 % [96, 99]</span>',
    );
    expect(verdictCard({ verdict: 'partly used', certain: false, measure: null, share: null })).toBe(
      '<span class="verdict uncertain" data-verdict="partly used">partly used (uncertain)</span>',
    );
    // A word that every object knows is no tone.
    expect(verdictCard({ verdict: 'constructor', certain: true, measure: null, share: null })).toContain('uncertain');
  });

  it('are styled by rules that hold in their own element alone', () => {
    for (const rule of cardStyles.replace(/@media [^{]+\{/g, '').matchAll(/([^{}]+)\{/g))
      for (const selector of rule[1]!.split(',')) expect(selector.trim()).toMatch(/^\.cards /);
  });
});
