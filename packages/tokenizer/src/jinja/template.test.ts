import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Template } from './template';
import { TemplateBudgetFault, TemplateFault } from './template-error';

const render = (source: string, variables: Record<string, unknown> = {}): string =>
  new Template(source).render(variables);

describe('what transformers makes of odd templates', () => {
  // tooling/parity/random_chat_templates.py 7 400
  const [first, ...lines] = gunzipSync(
    readFileSync(new URL('../../test/fixtures/random-chat-templates.jsonl.gz', import.meta.url)),
  )
    .toString('utf8')
    .trim()
    .split('\n');
  const { variables } = JSON.parse(first!) as { variables: Record<string, unknown> };
  const records = lines.map((line) => JSON.parse(line) as { template: string; expected?: string; error?: string });

  it('is written here too', () => {
    expect(records.length).toBeGreaterThan(300);
    const wrong = records
      .filter(({ expected }) => expected !== undefined)
      .flatMap(({ template, expected }) => {
        let got: string;
        try {
          got = render(template, variables);
        } catch (error) {
          // Refused by name: what this engine says that it does not follow.
          if (
            error instanceof TemplateFault &&
            /can't be written as text|can't be gone through|is not followed here|larger than 2\^53/.test(error.message)
          )
            return [];
          got = String(error);
        }
        return got === expected ? [] : [{ template, got, expected }];
      });
    expect(wrong).toEqual([]);
  });
});

describe('Template', () => {
  it.each<[string, string]>([
    [
      '{{ none }} {{ true }} {{ [1, "a\'b", 1.0, none] }} {{ {"a": (1,)} }}',
      "None True [1, \"a'b\", 1.0, None] {'a': (1,)}",
    ],
    ['{{ -7 % 3 }} {{ -7 // 2 }} {{ 7 / 2 }} {{ 4 / 2 }} {{ 1e16 }} {{ 0.00001 }}', '2 -4 3.5 2.0 1e+16 1e-05'],
    ['{{ "😀é"|length }} {{ "a😀b"[1] }} {{ "a😀b"[::-1] }}', '2 😀 b😀a'],
    ['{% for x in [1, 2, 3] %}a{{ x }}{% if x == 2 %}{% break %}{% endif %};{% endfor %}', 'a1;a2'],
    ['{% for x in [1, 2] %}{% if y %}!{% endif %}{% set y = 1 %}{{ x }}{% endfor %}', '12'],
    ['{% generation %}\n  a\n{% endgeneration %}\n b', '  a\n b'],
    ["{{ [{'a': 1}, {'a': 2}]|join('-', attribute='a') }}", '1-2'],
    ['{{ missing }}|{{ missing|length }}|{{ missing is defined }}', '|0|False'],
    ['{{ {"a": [1, none], "b": "é<"}|tojson }}', '{"a": [1, null], "b": "é<"}'],
    ['{{ d.items }}', ''],
    ['{%- set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}', '3'],
    ['{{ "constructor" in d }}{{ d.constructor is defined }}{{ d.__proto__ is defined }}', 'FalseFalseFalse'],
  ])('%s', (source, expected) => {
    // d.items is a method of an empty dict; like all methods it has no text of its own.
    if (source === '{{ d.items }}') expect(() => render(source, { d: {} })).toThrow(TemplateFault);
    else expect(render(source, { d: {} })).toBe(expected);
  });

  it('writes the date that it is given', () => {
    const now = (): Date => new Date(2024, 6, 4, 15, 5, 9);
    expect(new Template('{{ strftime_now("%Y-%m-%d %d %B %b %A %H:%M:%S %-d %j %I%p") }}').render({}, { now })).toBe(
      '2024-07-04 04 July Jul Thursday 15:05:09 4 186 03PM',
    );
  });

  it('ends, whatever the template', () => {
    const bombs = [
      '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
      '{% for a in range(100000000) %}{% endfor %}',
      '{{ "x" * 1000000000 }}',
      '{% set ns = namespace(s="x") %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
      '{% set ns = namespace(s="x") %}{% for i in range(60) %}{% set ns.s = ns.s|replace("x", "xx") %}{% endfor %}',
      '{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}',
      '{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}',
      '{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}',
      '{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(1) }}',
      '{{ "a"|center(1000000000) }}',
      '{{ "%999999s" * 999 % "a" }}',
      '{% for i in range(99999) %}{{ text.strip() }}{{ text.split() }}{% endfor %}',
      '{% for i in range(99999) %}{{ text|wordcount }}{{ text in text }}{% endfor %}',
      '{{ [1, 2]|tojson(indent=1000000000) }}',
      '{{ 9 ** 9 ** 9 ** 9 }}',
      '('.repeat(100_000),
      `{{ ${'('.repeat(100_000)} }}`,
      `{{ ${'-'.repeat(100_000)}1 }}`,
      `{{ ${'not '.repeat(100_000)}1 }}`,
      `{{ a${'.a'.repeat(100_000)} }}`,
      `{{ a${'|e'.repeat(100_000)} }}`,
      '{% if a %}'.repeat(100_000),
      `{%${' '.repeat(100_000)}`,
      `{{${'-'.repeat(3)}`,
      '{#'.repeat(50_000),
      ' \n'.repeat(200_000),
      '{% raw %}'.repeat(20_000),
    ];
    for (const bomb of bombs) {
      const started = performance.now();
      try {
        render(bomb, { text: ' x'.repeat(50_000) });
      } catch (error) {
        expect(error, bomb.slice(0, 60)).toBeInstanceOf(TemplateFault);
      }
      expect(performance.now() - started, bomb.slice(0, 60)).toBeLessThan(15_000);
    }
    expect(() => render('{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}')).toThrow(
      TemplateBudgetFault,
    );
  }, 120_000);

  it('refuses by name what it does not follow', () => {
    for (const source of [
      '{% include "x" %}',
      '{{ 1|pprint }}',
      '{{ [1]|random }}',
      '{{ x.append(1) }}',
      '{{ "".__class__.__mro__ }}',
      '{{ 1 is zebra }}',
      '{{ undefined_function() }}',
      '{{ a.b.c }}',
      '{% break %}',
      '{{ "a" + 1 }}',
      '{{ 1 < "a" }}',
    ]) {
      expect(() => render(source, { x: [] }), source).toThrow(TemplateFault);
    }
  });
});
