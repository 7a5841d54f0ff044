import { Tokenizer } from '@subtext/tokenizer';

import { ReasonerError } from '../errors';
import { latentTokens } from '../methods/latent-prompt';
import type { GraphQuestion } from './graph-question';

/**
 * How a graph is written. `tokens`: three positions an edge, `s t |`, as the reference does (arXiv 2505.12514).
 * `edges`: one position an edge and one for the two candidates; such a token's vector is the sum of its nodes' vectors,
 * that of an edge's source in its role, so that what is learned of a node in one edge holds in every edge.
 */
export type GraphForm = 'edges' | 'tokens';

/** Nodes that the vocabulary has names for: 0 to 30, as the reference. */
export const GRAPH_NODES = 31;

/** Most pause tokens, and most hops that a curriculum may have. */
export const GRAPH_PAUSES = 8;

/** The mark before the answer. */
export const ANSWER_MARK = '[A]';

export const graphTokens = { begin: '<s>', end: '</s>', latent: latentTokens.latent } as const;

const specials = [
  '<pad>',
  '<unk>',
  graphTokens.begin,
  graphTokens.end,
  ANSWER_MARK,
  '[Q]',
  '[R]',
  '|',
  graphTokens.latent,
];

/** The token of the n-th pause, from 0. Pauses are told apart by their tokens: without positions they would be one. */
export function pauseToken(index: number): string {
  return `<pause_${index + 1}>`;
}

/**
 * The tokens of graph questions. The first `plain` ids have vectors of their own; every further one, an edge `s>t` or a
 * pair of candidates `?a,b`, is the sum of two rows of a table of parts.
 */
export class GraphVocabulary {
  readonly form: GraphForm;
  readonly tokens: readonly string[];
  /** Ids with a vector of their own: special tokens, pauses, nodes. */
  readonly plain: number;
  /** Id of node 0; the others follow. */
  readonly firstNode: number;
  readonly #ids: ReadonlyMap<string, number>;

  constructor({ form }: { form: GraphForm }) {
    this.form = form;
    const pauses = Array.from({ length: GRAPH_PAUSES }, (_, index) => pauseToken(index));
    const nodes = Array.from({ length: GRAPH_NODES }, (_, node) => String(node));
    const plain = [...specials, ...pauses, ...nodes];
    this.plain = plain.length;
    this.firstNode = plain.length - GRAPH_NODES;
    const numbers = [...nodes.keys()];
    const composed =
      form === 'tokens'
        ? []
        : [
            ...numbers.flatMap((source) => numbers.map((target) => edgeToken(source, target))),
            ...numbers.flatMap((a) => numbers.slice(a).map((b) => pairToken(a, b))),
          ];
    this.tokens = [...plain, ...composed];
    this.#ids = new Map(this.tokens.map((token, id) => [token, id]));
  }

  /** Rows of the table of parts: the plain tokens, each node as an edge's source, zeros. */
  get partRows(): number {
    return this.plain + (this.form === 'edges' ? GRAPH_NODES + 1 : 0);
  }

  /** The two rows of the table of parts whose sum is the vector of each token: int32 `[2, tokens]`. */
  parts(): { first: Int32Array; second: Int32Array } {
    const zero = this.partRows - 1;
    const first = Int32Array.from(this.tokens, (_, id) => id);
    const second = new Int32Array(this.tokens.length).fill(zero);
    for (const [id, token] of this.tokens.entries()) {
      if (id < this.plain) continue;
      const [a, b] = token.replace('?', '').split(/[>,]/).map(Number) as [number, number];
      first[id] = token.includes('>') ? this.plain + a : this.node(a);
      second[id] = this.node(b);
    }
    return { first, second };
  }

  /** Throws `invalid-option` for a node that has no token. */
  node(node: number): number {
    return this.firstNode + checkNode(node);
  }

  id(token: string): number {
    return this.#ids.get(token)!;
  }

  /** Tokens of a graph, which questions over it can share: the begin and the edges. */
  graphTokens({ edges }: Pick<GraphQuestion, 'edges'>): string[] {
    for (const edge of edges) edge.forEach(checkNode);
    const told = edges.flatMap(([source, target], index) =>
      this.form === 'edges'
        ? [edgeToken(source, target)]
        : [...(index > 0 ? ['|'] : []), String(source), String(target)],
    );
    return [graphTokens.begin, ...told];
  }

  /** How many of the {@link queryTokens} tell the candidates; the root follows. */
  get candidateTokens(): number {
    return this.form === 'edges' ? 1 : 3;
  }

  /** Tokens of what is asked of a graph. */
  queryTokens({ candidates, root }: Pick<GraphQuestion, 'candidates' | 'root'>): string[] {
    [...candidates, root].forEach(checkNode);
    const [a, b] = candidates;
    return this.form === 'edges'
      ? [pairToken(Math.min(a, b), Math.max(a, b)), String(root)]
      : ['[Q]', String(a), String(b), '[R]', String(root)];
  }

  /** A tokenizer.json with these ids: whatever stands between white space is one token. */
  tokenizer(): Tokenizer {
    const [pad, unknown, begin, end] = specials as [string, string, string, string];
    const added = this.tokens.slice(0, this.firstNode);
    return new Tokenizer({
      file: {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: added.map((content, id) => ({
          id,
          content,
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
          special: true,
        })),
        normalizer: null,
        pre_tokenizer: { type: 'WhitespaceSplit' },
        post_processor: null,
        decoder: null,
        model: {
          type: 'WordLevel',
          vocab: Object.fromEntries(this.tokens.map((token, id) => [token, id])),
          unk_token: unknown,
        },
      },
      settings: {
        tokenizer_class: 'PreTrainedTokenizerFast',
        clean_up_tokenization_spaces: false,
        pad_token: pad,
        unk_token: unknown,
        bos_token: begin,
        eos_token: end,
      },
      chatTemplates: {},
    });
  }
}

function edgeToken(source: number, target: number): string {
  return `${source}>${target}`;
}

function pairToken(a: number, b: number): string {
  return `?${a},${b}`;
}

function checkNode(node: number): number {
  if (Number.isInteger(node) && node >= 0 && node < GRAPH_NODES) return node;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `Node ${node} has no token: graph models know the nodes 0 to ${GRAPH_NODES - 1}.`,
  });
}
