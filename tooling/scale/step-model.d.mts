export interface Link {
  latency: number;
  bandwidth: number;
  message?: number;
}
export declare const links: Record<string, Link>;
export declare function predictStep(options: {
  computing: { seconds: number; updateSeconds: number; backwardShare?: number };
  gradients: { bytes: number; tensors: number; lateShare: number };
  ranks: number;
  shards?: number;
  order?: 'shards' | 'any';
  optimizerState?: 'whole' | 'parts';
  stateOnEngine?: boolean;
  link: Link;
  overlap?: number;
}): { seconds: number; alone: number; efficiency: number; parts: Record<string, number> };
export declare function fitLink(points: readonly { bytes: number; seconds: number }[]): {
  latency: number;
  bandwidth: number;
};
interface Gpt2Shape {
  width: number;
  layers: number;
  vocabulary: number;
}
export declare function gpt2Parameters(shape: Gpt2Shape & { positions: number }): {
  all: number;
  embeddings: number;
  tensors: number;
};
export declare function gpt2Operations(shape: Gpt2Shape & { sequence: number; tokens: number }): number;
