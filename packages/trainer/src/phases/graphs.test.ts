import { generateProsQA, type GraphFacts } from '@subtext/data';
import {
  collateLayouts,
  IGNORED_LABEL,
  type Layout,
  continuousForward,
  Reasoner,
  CounterStream,
  drawNodeNumbers,
  drawQueries,
  drawGraphBatch,
  type GraphDrawing,
  graphExample,
  graphForward,
  graphMethod,
  methodVisibility,
  type GraphOptions,
  createGraphModel,
  type GraphModelOptions,
  tokenVectors,
  parseGraphQuestion,
  shortestPath,
  formatGraphQuestion,
  graphReasoner,
  GraphVocabulary,
} from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { train } from '../loop/train';
import { createProgram as createAny } from '../program/program';
import { reasonerRunner } from '../program/runner';
import { graphPhases } from './graph-phases';

const objectives = [{ name: 'weighted-targets' }];
const createProgram = (options: GraphModelOptions) => createAny({ model: { kind: 'graph', ...options }, objectives });

const told = [...generateProsQA({ count: 40, seed: 11, hops: { minimum: 3, maximum: 4 } })];
const examples = told.map((example) => graphExample(example));
const small: GraphModelOptions = { form: 'edges', seed: 3, layers: 2, width: 16, heads: 2, deviation: 0.3 };

const drawingOf = (method: Required<GraphOptions>, queries = 3): GraphDrawing => ({
  vocabulary: new GraphVocabulary({ form: method.form }),
  method,
  supervision: 'all',
  queries,
  earlierStages: 0.3,
});

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

describe('graph questions', () => {
  it('are read as they are told', () => {
    const question = {
      edges: [
        [3, 5],
        [0, 3],
      ] as [number, number][],
      candidates: [5, 7] as [number, number],
      root: 0,
    };
    expect(formatGraphQuestion(question)).toBe('3 5 | 0 3 [Q] 5 7 [R] 0');
    expect(parseGraphQuestion(formatGraphQuestion(question))).toEqual(question);
    expect(shortestPath({ ...question, target: 5 })).toEqual([0, 3, 5]);
  });

  it.each(['What is this?', '3 5 | 0 [Q] 5 7 [R] 0', '3 5 [Q] 5 [R] 0', ''])(
    'are refused where they are none: %s',
    (text) => {
      expect(() => parseGraphQuestion(text)).toThrow(
        expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining('[Q] a b [R] root') }),
      );
    },
  );

  it('are refused where a node has no token or no path leads to the answer', () => {
    const { layout, prompt } = graphMethod();
    const context = { tokenizer: new GraphVocabulary({ form: 'edges' }).tokenizer(), format: {} as never, endId: 3 };
    expect(() => prompt({ example: { question: '3 31 [Q] 3 31 [R] 3' }, context })).toThrow(/Node 31 has no token/);
    expect(() =>
      layout({
        example: { id: 'x', question: '3 5 [Q] 5 7 [R] 3', steps: [], answer: '7' },
        phase: graphMethod().curriculum({ stages: [] })[4]!,
        context,
      }),
    ).toThrow(/No path leads/);
  });
});

describe('layouts', () => {
  const question = '3 5 | 0 3 [Q] 5 7 [R] 0';
  const written = (options: GraphOptions, phaseName: string) => {
    const vocabulary = new GraphVocabulary({ form: options.form ?? 'edges' });
    const method = graphMethod(options);
    const phase = method.curriculum({ stages: [] }).find(({ name }) => name === phaseName)!;
    const layout = method.layout({
      example: { id: 'x', question, steps: [], answer: '5' },
      phase,
      context: { tokenizer: vocabulary.tokenizer(), format: {} as never, endId: 3 },
    });
    return {
      text: layout.ids.map((id) => vocabulary.tokens[id]).join(' '),
      predicted: layout.labels.filter((label) => label !== IGNORED_LABEL).map((label) => vocabulary.tokens[label]),
      thoughts: layout.thoughts.map(({ position, kind }) => `${kind} ${position}`),
    };
  };

  it('hold one position an edge, or the three tokens of the reference', () => {
    expect(written({ count: 2 }, 'answer').text).toBe('<s> 3>5 0>3 ?5,7 0 <|latent|> <|latent|> [A] 5 </s>');
    expect(written({ form: 'tokens', count: 2 }, 'answer').text).toBe(
      '<s> 3 5 | 0 3 [Q] 5 7 [R] 0 <|latent|> <|latent|> [A] 5 </s>',
    );
  });

  it('put thoughts, pauses, the path or nothing between question and answer', () => {
    expect(written({ count: 2 }, 'answer').thoughts).toEqual(['continuous 5', 'continuous 6']);
    expect(written({ count: 2, thoughts: 'pause' }, 'answer')).toMatchObject({
      text: '<s> 3>5 0>3 ?5,7 0 <pause_1> <pause_2> [A] 5 </s>',
      thoughts: ['token 5', 'token 6'],
      predicted: ['[A]', '5', '</s>'],
    });
    expect(written({ thoughts: 'text' }, 'answer')).toMatchObject({
      text: '<s> 3>5 0>3 ?5,7 0 3 5 [A] 5 </s>',
      predicted: ['3', '5', '[A]', '5', '</s>'],
    });
    expect(written({ thoughts: 'none' }, 'answer').text).toBe('<s> 3>5 0>3 ?5,7 0 [A] 5 </s>');
  });

  it('know mixtures beforehand: one phase, thoughts that are mixed and predicted', () => {
    const method = { form: 'edges', thoughts: 'mixture', count: 4 } as const;
    expect(
      graphMethod(method)
        .curriculum({ stages: [] })
        .map(({ name }) => name),
    ).toEqual(['answer']);
    const drawing = { ...drawingOf(method), supervision: 'walks' as const };
    const [batch] = drawGraphBatch({
      examples,
      indices: [0, 1],
      drawing,
      level: 4,
      answers: true,
      shards: 1,
      counters: [5, 0, 0],
    });
    const { mixtures, targets, suffixTime, suffixIds } = batch!;
    expect(batch!.thoughts).toBe(0);
    expect(mixtures!.places).toHaveLength(2 * drawing.queries * method.count);
    const latent = drawing.vocabulary.id('<|latent|>');
    for (const [index, place] of mixtures!.places.entries()) {
      expect(suffixIds[place]).toBe(latent);
      const held = [...mixtures!.ids.subarray(index * mixtures!.count, (index + 1) * mixtures!.count)].filter(
        (_, slot) => mixtures!.weights[index * mixtures!.count + slot]! > 0,
      );
      // The state before a thought predicts what it holds.
      const row = targets.rows.indexOf(place - 1);
      expect([...targets.labelIds.subarray(targets.labelStarts[row], targets.labelStarts[row + 1])]).toEqual(held);
    }
    expect(suffixTime).toBe(drawing.vocabulary.queryTokens({ candidates: [0, 0], root: 0 }).length + 4 + 2);
  });

  it('predict the next hop in the phases that teach one', () => {
    expect(
      graphMethod({ count: 2 })
        .curriculum({ stages: [] })
        .map(({ name, level }) => [name, level]),
    ).toEqual([
      ['hop 1', 0],
      ['hop 2', 1],
      ['answer', 2],
    ]);
    expect(written({ count: 2 }, 'hop 1')).toMatchObject({ predicted: ['3'], thoughts: [] });
    expect(written({ count: 2 }, 'hop 2')).toMatchObject({ predicted: ['5'], thoughts: ['continuous 5'] });
  });
});

describe('drawn questions', () => {
  it('are as deep as they say, with a distractor that the root does not lead to', () => {
    const depths = new Map<number, number>();
    for (const [index, graph] of examples.entries()) {
      const hops = (from: number, to: number) => graph.hops[from * graph.nodes + to]!;
      const queries = drawQueries({ graph, count: 16, deepest: 4, random: new CounterStream(1, index) });
      expect(queries).toHaveLength(16);
      expect(queries[0]).toMatchObject(graph.own);
      for (const { root, target, negativeTarget, depth } of queries) {
        expect([hops(root, target), hops(root, negativeTarget)]).toEqual([depth, -1]);
        depths.set(depth, (depths.get(depth) ?? 0) + 1);
      }
    }
    expect([...depths.keys()].sort()).toEqual([1, 2, 3, 4]);
    expect(
      drawQueries({ graph: examples[0]!, count: 8, deepest: 2, random: new CounterStream(1) }).every(
        ({ depth }) => depth <= 2,
      ),
    ).toBe(true);
    expect(new Set(drawNodeNumbers({ nodes: 20, random: new CounterStream(5) })).size).toBe(20);
  });

  it('are a pure function of the counters', () => {
    const batch = (step: number) =>
      drawGraphBatch({
        examples,
        indices: [4, 5],
        drawing: drawingOf({ form: 'edges', thoughts: 'continuous', count: 4 }),
        level: 4,
        answers: true,
        shards: 2,
        counters: [1, 4, step],
      });
    expect(batch(7)).toEqual(batch(7));
    expect(batch(8)).not.toEqual(batch(7));
    // The weights of all shards add up to 1.
    expect(
      batch(7)
        .flatMap(({ targets: { weights } }) => [...weights])
        .reduce((sum, weight) => sum + weight, 0),
    ).toBeCloseTo(1, 5);
  });

  it('supervise with every node that walks lead to, all nodes of the next hop, one of them, or one on a shortest path', () => {
    const labels = (supervision: GraphDrawing['supervision']) => {
      const drawing = { ...drawingOf({ form: 'edges', thoughts: 'continuous', count: 4 }, 16), supervision };
      const [batch] = drawGraphBatch({
        examples,
        indices: [0, 1, 2, 3],
        drawing,
        level: 1,
        answers: false,
        shards: 1,
        counters: [1],
      });
      const { labelStarts, labelIds, shown } = batch!.targets;
      const rows = [...labelStarts.slice(1)].map((end, row) => [...labelIds.slice(labelStarts[row]!, end)]);
      const own = [...shown.row].map((row, index) => ({
        labels: rows[row]!,
        accepted: [...shown.acceptedIds.slice(shown.acceptedStarts[index]!, shown.acceptedStarts[index + 1]!)],
      }));
      return { rows, own };
    };
    for (const supervision of ['walks', 'all'] as const)
      expect(labels(supervision).own.every((state) => state.labels.join() === state.accepted.join())).toBe(true);
    expect(Math.max(...labels('all').rows.map(({ length }) => length))).toBeGreaterThan(1);
    for (const supervision of ['frontier', 'random'] as const) {
      expect(
        labels(supervision).own.every(
          (state) => state.labels.length === 1 && state.accepted.includes(state.labels[0]!),
        ),
      ).toBe(true);
    }
    const accepted = (supervision: GraphDrawing['supervision']) =>
      labels(supervision).own.reduce((sum, state) => sum + state.accepted.length, 0);
    expect(accepted('random')).toBeLessThan(accepted('frontier'));
    expect(accepted('all')).toBe(accepted('frontier'));
    expect(accepted('walks')).toBeGreaterThan(accepted('all'));
  });
});

describe('one prefix for many questions', () => {
  it.each([
    { form: 'edges', thoughts: 'continuous' },
    { form: 'edges', thoughts: 'pause' },
    { form: 'edges', thoughts: 'text' },
    { form: 'tokens', thoughts: 'continuous' },
    { form: 'tokens', thoughts: 'none' },
    { form: 'edges', thoughts: 'mixture' },
    { form: 'tokens', thoughts: 'mixture', name: 'chain' },
    { form: 'edges', thoughts: 'continuous', name: 'chain' },
    { form: 'tokens', thoughts: 'pause', name: 'chain' },
    { form: 'tokens', thoughts: 'text', name: 'answer' },
  ] as const satisfies { form: string; thoughts: string; name?: string }[])(
    'gives the states of each question by itself, in the model that is saved ($form, $thoughts, $name)',
    async ({ form, thoughts, ...sight }) => {
      const method = { form, thoughts, count: 3 };
      const visibility = methodVisibility({
        method: graphMethod(method),
        visibility: ('name' in sight ? sight.name : undefined) ?? 'all',
        stages: [],
        image: false,
      });
      const options = { ...small, form };
      const [batch] = drawGraphBatch({
        examples,
        indices: [0, 1, 2],
        drawing: { ...drawingOf(method), visibility },
        level: 3,
        answers: true,
        shards: 1,
        counters: [9],
      });
      const { queries, suffixTime, prefixTime, prefixIds, prefixLengths, suffixIds, targets, mixtures } = batch!;
      const { rows, labelIds } = targets;
      const program = await createProgram(options);
      const trained = createGraphModel(options);
      const reasoner = await graphReasoner({ program: program as never, options, method, visibility });
      const ends = new Map<number, number>();
      for (const row of rows)
        ends.set(
          Math.floor(row / suffixTime),
          Math.max(ends.get(Math.floor(row / suffixTime)) ?? 0, (row % suffixTime) + 1),
        );
      const mixed = (row: number) =>
        [...(mixtures?.places ?? [])].flatMap((place, index) => {
          const slots = (list: Int32Array | Float32Array) =>
            Array.from(list.subarray(index * mixtures!.count, (index + 1) * mixtures!.count));
          return Math.floor(place / suffixTime) === row
            ? [{ place: place % suffixTime, ids: slots(mixtures!.ids), weights: slots(mixtures!.weights) }]
            : [];
        });
      const layouts = Array.from({ length: 3 * queries }, (_, row): Layout => {
        const graph = Math.floor(row / queries);
        const prefix = [...prefixIds.slice(graph * prefixTime, graph * prefixTime + prefixLengths[graph]!)];
        const suffix = [...suffixIds.slice(row * suffixTime, row * suffixTime + ends.get(row)!)];
        const question = reasoner.tokenizer.decode(prefix.slice(1), { skipSpecialTokens: false });
        expect(question.length).toBeGreaterThan(0);
        const first = prefix.length + batch!.thoughtStart;
        const latent = thoughts === 'text' || thoughts === 'none' ? 0 : 3;
        const [candidates, mark] = [form === 'edges' ? 1 : 3, reasoner.tokenizer.idOf('[A]')];
        const roles = suffix.map((_, place): string => {
          if (place < candidates) return 'candidates';
          if (place < batch!.thoughtStart) return 'question';
          if (place < batch!.thoughtStart + latent) return `hop ${place - batch!.thoughtStart + 1}`;
          return place < suffix.indexOf(mark) ? 'step_1' : 'answer';
        });
        return {
          ...(visibility && { visibility, roles: ['prefix', ...prefix.slice(1).map(() => 'question'), ...roles] }),
          ids: [...prefix, ...suffix],
          labels: [...prefix, ...suffix].map(() => IGNORED_LABEL),
          promptLength: prefix.length,
          inputs: mixed(row).map(({ place, ...mixture }) => ({ ...mixture, position: prefix.length + place })),
          thoughts: Array.from({ length: batch!.thoughts }, (__, index) => ({
            stage: 'x',
            index,
            position: first + index,
            kind: 'continuous' as const,
          })),
        };
      });
      expect(labelIds.length).toBeGreaterThan(0);
      const difference = tf.tidy(() => {
        const table = tokenVectors(trained);
        const shared = graphForward({
          model: trained.model,
          batch: batch!,
          embed: (ids) => tf.gather<tf.Tensor3D>(table as tf.Tensor as tf.Tensor3D, ids),
        });
        const collated = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
        const alone = collated.continuous
          ? continuousForward({ model: reasoner.model, batch: { ...collated, continuous: collated.continuous } }).states
          : reasonerRunner({ model: reasoner.model }).forward({ inputs: collated, layers: false }).states;
        const places = [...rows].map((row) => {
          const question = Math.floor(row / suffixTime);
          return question * collated.time + prefixLengths[Math.floor(question / queries)]! + (row % suffixTime);
        });
        return tf
          .max(
            tf.abs(
              tf.sub(tf.gather(shared, tf.tensor1d(rows, 'int32')), tf.gather(alone, tf.tensor1d(places, 'int32'))),
            ),
          )
          .dataSync()[0]!;
      });
      expect(difference).toBeLessThan(2e-4);
      for (const model of [reasoner, trained.model]) model.dispose();
    },
  );

  it.each(['continuous', 'pause', 'text'] as const)('tells what is written as layouts do: %s', async (thoughts) => {
    const method = graphMethod({ thoughts, count: 3 });
    const visibility = methodVisibility({ method, visibility: 'chain', stages: [], image: false });
    const program = await createProgram(small);
    const options = { form: 'edges', thoughts, count: 3 } as const;
    const reasoner = await graphReasoner({ program: program as never, options: small, method: options, visibility });
    const example = {
      id: '1',
      question: '3 5 | 0 3 | 1 7 [Q] 5 7 [R] 0',
      steps: [],
      answer: '5',
    };
    const context = reasoner.layoutContext({});
    const phase = method.curriculum({ stages: [] }).at(-1)!;
    const layout = method.layout({ example, phase, context });
    const [sight] = reasoner.sights({ questions: [example] })!;
    for (const [position, id] of layout.ids.entries())
      sight!.push(layout.thoughts.some((thought) => thought.position === position) ? null : id);
    expect(sight!.roles).toEqual(layout.roles);
    // Thoughts and the path do not know what is asked of them; the answer does not see the graph.
    const at = (role: string) => layout.roles!.indexOf(role);
    const step = thoughts === 'text' ? 'step_1' : 'hop 2';
    expect(sight!.sees(at(step), at('candidates'))).toBe(false);
    expect(sight!.sees(at(step), at('question'))).toBe(true);
    expect(sight!.sees(at('answer'), at('question'))).toBe(false);
    expect(sight!.sees(at('answer'), at('candidates'))).toBe(true);
    expect(sight!.sees(at('answer'), at(step))).toBe(true);
    const [answer] = await reasoner.think({ questions: [example] });
    expect(answer!.ids.length).toBeGreaterThan(0);
    reasoner.dispose();
  });

  it('leaves no tensor behind', async () => {
    const program = await createProgram(small);
    const [batch] = drawGraphBatch({
      examples,
      indices: [0, 1],
      drawing: drawingOf({ form: 'edges', thoughts: 'continuous', count: 2 }),
      level: 2,
      answers: true,
      shards: 1,
      counters: [2],
    });
    const step = () =>
      tf.tidy(
        () =>
          tf
            .engine()
            .gradients(
              () => program.loss({ inputs: batch!, parts: { 'weighted-targets': batch!.targets } }).loss,
              program.parameters.map(({ variable }) => variable),
              undefined,
              true,
            )
            .value.dataSync()[0]!,
      );
    const first = step();
    const tensors = tf.memory().numTensors;
    expect(step()).toBe(first);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('training on graphs', () => {
  it('goes through hops and answer, ends phases on mastery, and saves a reasoner that answers questions as text', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-graphs-'));
    try {
      const method = { form: 'edges', thoughts: 'continuous', count: 2 } as const;
      const source = { module: '', options: {} };
      const program = await createProgram(small);
      const schedule = { learningRate: 0.01, shape: 'constant' as const };
      const phases = graphPhases({
        examples,
        drawing: drawingOf(method, 4),
        graphs: 4,
        hop: { steps: 40, schedule, mastery: 0.01 },
        answer: { steps: 3, schedule },
        seed: 1,
        shards: 2,
      });
      expect(phases.map(({ name }) => name)).toEqual(['hop 1', 'hop 2', 'answer']);
      const outcome = await train({
        folder,
        source,
        program: program as never,
        phases,
        fingerprint: 'graphs',
        workers: 0,
        logSteps: 1,
      });
      const log = (await readFile(join(folder, 'log.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { phaseName: string; mastery: number; loss: number });
      const stepsOf = (name: string) => log.filter(({ phaseName }) => phaseName === name).length;
      expect(outcome).toMatchObject({ status: 'finished', steps: log.length });
      expect(stepsOf('hop 1')).toBeLessThan(40);
      expect(stepsOf('answer')).toBe(3);
      expect(log.every(({ loss }) => Number.isFinite(loss))).toBe(true);

      const reasoner = await graphReasoner({ program: program as never, options: small, method });
      await reasoner.save({ folder: join(folder, 'reasoner') });
      const loaded = await Reasoner.load({ folder: join(folder, 'reasoner') });
      const { edges, root, target, negativeTarget } = told[0]!.facts as GraphFacts;
      const question = formatGraphQuestion({ edges, root, candidates: [target, negativeTarget] });
      const [answer] = await loaded.think({ questions: [{ question }] });
      expect(answer!.thoughts.map(({ stage }) => stage)).toEqual(['hop 1', 'hop 2']);
      expect(answer!.thoughts[0]!.hidden).toHaveLength(16);
      for (const one of [reasoner, loaded]) one.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('goes on to the same bytes where it was interrupted, around phases that mastery ended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-graphs-'));
    try {
      const method = { form: 'edges', thoughts: 'continuous', count: 2 } as const;
      const schedule = { learningRate: 0.01, shape: 'constant' as const };
      const phases = graphPhases({
        examples,
        drawing: drawingOf(method, 2),
        graphs: 2,
        hop: { steps: 30, schedule, mastery: 0.01 },
        answer: { steps: 2, schedule },
        seed: 1,
        shards: 1,
      });
      const source = { module: '', options: {} };
      const run = async (name: string, stopAt?: number) => {
        const program = await createProgram(small);
        const controller = new AbortController();
        const outcome = await train({
          folder: join(folder, name),
          source,
          program: program as never,
          phases,
          fingerprint: 'graphs',
          workers: 0,
          shards: 1,
          signal: controller.signal,
          onProgress: ({ step }) => step === stopAt && controller.abort(),
        });
        const weights = program.parameters.map(({ variable }) => [...variable.dataSync()]);
        for (const { variable } of program.parameters) variable.dispose();
        return { outcome, weights, phase: outcome.status };
      };
      const whole = await run('whole');
      const ends = (await readFile(join(folder, 'whole/log.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { step: number; phase: number });
      const border = Math.max(...ends.filter(({ phase }) => phase === 0).map(({ step }) => step));
      expect(border).toBeLessThan(30);
      for (const stopAt of [border - 1, border, border + 1]) {
        expect((await run(`stopped-${stopAt}`, stopAt)).phase).toBe('stopped');
        const resumed = await run(`stopped-${stopAt}`);
        expect(resumed.outcome).toMatchObject({ status: 'finished', steps: whole.outcome.steps });
        expect(resumed.weights).toEqual(whole.weights);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses examples without a graph, and more shards than graphs', () => {
    expect(() => graphExample({ id: '7' })).toThrow(/Example 7 has no graph/);
    const schedule = { learningRate: 0.01 };
    expect(() =>
      graphPhases({
        examples,
        drawing: drawingOf({ form: 'edges', thoughts: 'none', count: 2 }),
        graphs: 1,
        hop: { steps: 1, schedule },
        answer: { steps: 1, schedule },
        seed: 1,
        shards: 2,
      }),
    ).toThrow(/1 graphs a step/);
    expect(() => graphMethod({ count: 9 })).toThrow(/count is 9/);
  });

  it('are drawn from as many graphs as there are: 130,000, which no call takes as arguments', async () => {
    const many = Array.from({ length: 130_000 }, (_, index) => examples[index % examples.length]!);
    const phases = graphPhases({
      examples: many,
      drawing: drawingOf({ form: 'edges', thoughts: 'none', count: 2 }, 2),
      graphs: 4,
      hop: { steps: 2, schedule: { learningRate: 1e-3 } },
      answer: { steps: 2, schedule: { learningRate: 1e-3 } },
      seed: 1,
      shards: 2,
    });
    for (const phase of phases) expect(await phase.source.batch(1)).toHaveLength(2);
  });
});
