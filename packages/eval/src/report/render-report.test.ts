import { describe, expect, it } from 'vitest';
import { EvaluationError } from '../errors';
import { chartSection } from './chart-section';
import { escapeHtml } from '@subtext/decoder/cards';
import { gallerySection } from './gallery-section';
import { proseSection } from './prose-section';
import { renderReport } from './render-report';
import { tableSection } from './table-section';

const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
const attack = `<script>alert("x")</script>' onload='y`;

/** A report whose every text field holds the attack. */
function hostileReport() {
  return renderReport({
    title: attack,
    summary: attack,
    highlights: [{ label: attack, value: attack, note: attack }],
    footer: attack,
    sections: [
      proseSection({
        title: attack,
        text: attack,
        facts: [{ name: attack, value: attack }],
        list: [attack],
        code: attack,
      }),
      tableSection({
        title: attack,
        caption: attack,
        columns: [attack, attack],
        rows: [[attack, { value: attack, note: attack }]],
        notes: [attack],
        text: attack,
      }),
      chartSection({
        title: attack,
        caption: attack,
        xLabel: attack,
        yLabel: attack,
        series: [
          {
            name: attack,
            points: [
              { x: 0, y: 1 },
              { x: 1, y: 2 },
            ],
          },
        ],
        phases: [{ x: 0, label: attack }],
        text: attack,
      }),
      gallerySection({
        title: attack,
        caption: attack,
        items: [
          {
            name: attack,
            question: attack,
            answer: attack,
            expected: attack,
            correct: false,
            image: { data: png, alternativeText: attack },
            thinkingTokens: [attack],
            thoughts: [
              {
                stage: attack,
                reading: attack,
                truth: `other ${attack}`,
                note: attack,
                drawing: { data: png, alternativeText: attack },
              },
            ],
            output: attack,
            counts: [attack],
          },
        ],
      }),
    ],
  });
}

describe('renderReport', () => {
  it('escapes every text field', () => {
    const html = hostileReport();
    expect(html).not.toMatch(/<script/i);
    // No tag may carry an event handler: quotes in attributes are escaped.
    expect(html.replace(/"[^"]*"/g, `""`).match(/<[a-z][^>]*\son[a-z]+\s*=/gi)).toBeNull();
    expect(html.split(escapeHtml('<script>')).length).toBeGreaterThan(20);
  });

  it('keeps the places of pictures: their sizes are in the page, and they are not loaded lazily', () => {
    // The heads of files of 300 × 200 pixels.
    const heads: Record<string, number[]> = {
      png: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 44, 0, 0, 0, 200],
      gif: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 44, 1, 200, 0],
      jpeg: [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc2, 0, 11, 8, 0, 200, 1, 44, 1],
      webp: [
        0x52, 0x49, 0x46, 0x46, 0, 0, 0, 0, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x58, 10, 0, 0, 0, 0, 0, 0, 0, 43,
        1, 0, 199, 0, 0,
      ],
    };
    const item = (data: Uint8Array) => ({
      question: 'q',
      answer: 'a',
      expected: 'a',
      correct: true,
      image: { data, alternativeText: 'p' },
    });
    for (const [name, bytes] of Object.entries(heads)) {
      const html = renderReport({
        title: 't',
        summary: 's',
        sections: [
          gallerySection({
            title: 'g',
            caption: 'c',
            items: [
              item(Uint8Array.from(bytes)),
              item(Uint8Array.from(bytes.slice(0, Math.min(12, bytes.length - 1)))),
            ],
          }),
        ],
      });
      expect(html.match(/<img [^>]*width="300" height="200">/g), name).toHaveLength(1);
      expect(html).not.toContain('lazy');
    }
  });

  it('makes no request and forbids it', () => {
    const html = hostileReport();
    expect(html).toContain(`default-src 'none'`);
    expect(html).not.toMatch(/(?:src|href)="(?!data:|#)/);
    expect(html).not.toMatch(/url\(|@import|https?:/);
  });

  it('is well formed: every opened element is closed in order', () => {
    const html = hostileReport();
    const empty = new Set(['meta', 'link', 'img', 'input', 'line', 'rect', 'circle', 'path', 'br']);
    const open: string[] = [];
    for (const match of html
      .replace(/<style>[\s\S]*?<\/style>/, '')
      .matchAll(/<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*)?>/g)) {
      const [, closing, name] = match as unknown as [string, string, string];
      if (empty.has(name)) continue;
      if (closing === '') open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('gives sections of one title ids of their own', () => {
    const html = renderReport({
      title: 't',
      summary: 's',
      sections: [proseSection({ title: 'Same', text: 'a' }), proseSection({ title: 'Same', text: 'b' })],
    });
    expect(html).toContain('id="same"');
    expect(html).toContain('id="same-2"');
  });

  it('refuses a section that no builder made', () => {
    const forged = { title: 'x', html: '<script>' } as never;
    expect(() => renderReport({ title: 't', summary: 's', sections: [forged] })).toThrowError(
      expect.objectContaining({ code: 'invalid-option' }),
    );
  });
});

describe('tableSection', () => {
  it('writes values, intervals and empty cells', () => {
    const { html } = tableSection({
      title: 'T',
      caption: 'c',
      columns: ['method', { header: 'accuracy', format: 'percent' }],
      rows: [
        ['a', { value: 0.934, interval: [0.91, 0.952], tone: 'good' }],
        ['b', null],
      ],
    });
    expect(html).toContain('93.4\u00a0%');
    expect(html).toContain('[91.0, 95.2]');
    expect(html).toContain('<td class="right">–</td>');
    expect(html).toContain('✓');
  });

  it('names the row whose cells do not fit', () => {
    expect(() => tableSection({ title: 'T', caption: 'c', columns: ['a', 'b'], rows: [['x', 1], ['y']] })).toThrowError(
      /row 2 has 1 cells but there are 2 columns/,
    );
  });
});

describe('chartSection', () => {
  it('draws the points at the places of their values', () => {
    const { html } = chartSection({
      title: 'T',
      caption: 'c',
      xLabel: 'x',
      yLabel: 'y',
      yInclude: [0, 1],
      series: [
        {
          name: 's',
          points: [
            { x: 0, y: 0 },
            { x: 5, y: 0.5 },
            { x: 10, y: 1 },
          ],
        },
      ],
    });
    const wide = html.slice(0, html.indexOf('chart narrow'));
    const path =
      /<path class="line series-0" stroke-dasharray="" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/
        .exec(wide)
        ?.slice(1)
        .map(Number) as number[];
    const [x0, y0, x1, y1, x2, y2] = path as [number, number, number, number, number, number];
    expect(x1 - x0).toBeCloseTo(x2 - x1, 1);
    expect(y0 - y1).toBeCloseTo(y1 - y2, 1);
    expect(y2).toBeLessThan(y0);
  });

  it('breaks the line where a value is not finite, also on a logarithmic axis', () => {
    const { html } = chartSection({
      title: 'T',
      caption: 'c',
      xLabel: 'x',
      yLabel: 'y',
      logarithmicY: true,
      series: [{ name: 's', points: [1, 0, 10, Number.NaN, 100].map((y, x) => ({ x, y })) }],
    });
    const path = /<path class="line series-0"[^>]* d="([^"]+)"/.exec(html)?.[1] as string;
    expect(path.match(/M/g)).toHaveLength(3);
    expect(path).not.toContain('NaN');
  });

  it('keeps peaks when it thins a long line', () => {
    const points = Array.from({ length: 20_000 }, (_, x) => ({ x, y: x === 12_345 ? 50 : 1 }));
    const { html } = chartSection({
      title: 'T',
      caption: 'c',
      xLabel: 'x',
      yLabel: 'y',
      series: [{ name: 's', points }],
    });
    expect(html.length).toBeLessThan(40_000);
    const heights = [...(/ d="([^"]+)"/.exec(html)?.[1] as string).matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((match) =>
      Number(match[1]),
    );
    expect(Math.min(...heights)).toBeLessThan(Math.max(...heights) - 200);
  });

  it('refuses a chart without a point', () => {
    expect(() =>
      chartSection({
        title: 'T',
        caption: 'c',
        xLabel: 'x',
        yLabel: 'y',
        series: [{ name: 's', points: [{ x: 0, y: Number.NaN }] }],
      }),
    ).toThrowError(expect.objectContaining({ code: 'empty-set' }));
  });
});

describe('gallerySection', () => {
  it('shows reading beside truth and marks the words in which they differ', () => {
    const { html } = gallerySection({
      title: 'G',
      caption: 'c',
      items: [
        {
          question: 'q',
          answer: null,
          expected: 'e',
          correct: false,
          thoughts: [{ stage: 'caption', reading: 'A red circle.', truth: 'A red square.' }],
        },
      ],
    });
    expect(html).toContain('A red <mark>circle</mark>.');
    expect(html).toContain('A red <u>square</u>.');
    expect(html).toContain('no answer could be read');
  });

  it('shows what was drawn of a thought', () => {
    const of = (drawing?: { data: Uint8Array; alternativeText: string; pixelated: boolean }) =>
      gallerySection({
        title: 'G',
        caption: 'c',
        items: [
          {
            question: 'q',
            answer: 'a',
            expected: 'a',
            correct: true,
            thoughts: [{ stage: 'caption', reading: null, truth: null, drawing }],
          },
        ],
      }).html;
    expect(of({ data: png, alternativeText: 'what was drawn', pixelated: true })).toMatch(
      /drawn from the thought<\/figcaption><img class="picture pixelated" src="data:image\/png;base64,[^"]+" alt="what was drawn"/,
    );
    expect(of()).not.toContain('drawn from the thought');
  });

  it('shows what is answered with other thoughts, and whether that follows', () => {
    const { html } = gallerySection({
      title: 'G',
      caption: 'c',
      items: [
        {
          question: 'q',
          answer: 'a',
          expected: 'a',
          correct: true,
          thoughts: [
            {
              stage: 'caption',
              reading: null,
              truth: null,
              changes: [
                { change: 'the caption of <b>', answer: 'Red.', expected: 'red' },
                { change: 'colour: red → blue', answer: 'red', expected: 'blue' },
                { change: 'the caption of 3', answer: null, expected: null },
              ],
            },
          ],
        },
      ],
    });
    expect(html).toMatch(/with the caption of &lt;b&gt;: <strong>Red\.<\/strong> <span class="good">.*?follows/);
    expect(html).toMatch(/with colour: red → blue: <strong>red<\/strong> <span class="bad">.*?would be blue/);
    expect(html).toMatch(/with the caption of 3: <em>no answer could be read<\/em>.*?unknown what follows/);
  });

  it('refuses pictures that would need a request or are none', () => {
    const item = (data: Uint8Array | string) => ({
      question: 'q',
      answer: 'a',
      expected: 'a',
      correct: true,
      image: { data, alternativeText: 'p' },
    });
    for (const data of [
      'https://example.org/p.png',
      'data:image/svg+xml;base64,AAAA',
      'p.png',
      Uint8Array.from([1, 2, 3]),
    ]) {
      expect(() => gallerySection({ title: 'G', caption: 'c', items: [item(data)] })).toThrowError(
        expect.objectContaining({ code: 'invalid-image' }),
      );
    }
    try {
      gallerySection({ title: 'G', caption: 'c', items: [] });
    } catch (error) {
      expect(EvaluationError.isInstance(error)).toBe(true);
      return;
    }
    throw new Error('an empty gallery must be refused');
  });
});
