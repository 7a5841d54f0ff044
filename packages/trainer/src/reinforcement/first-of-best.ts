import type { RolloutShard } from './rollout-shards';

/**
 * Latent-GRPO's choice of a first step (arXiv 2604.27998): averaging what two right answers began with may be right for
 * neither, so the first action of a group counts in its best answer alone, the one of the highest mean log probability among
 * those above the mean. Needs `old`, and sets advantages of other first actions to 0.
 */
export function keepFirstOfBest({ shards }: { shards: readonly RolloutShard[] }): void {
  const found = shards.flatMap((shard) => {
    const { advantages, old, text } = shard.parts.grpo;
    return shard.rollouts.flatMap((rollout, place) => {
      if (rollout.advantage === null) return [];
      const own = [...shard.rolloutOf.keys()].filter((action) => shard.rolloutOf[action] === place);
      // Thoughts stand behind all text among the actions, and before it in the answer.
      const first = own.find((action) => action >= text.rows.length) ?? own[0]!;
      const likelihood = own.reduce((sum, action) => sum + old![action]!, 0) / own.length;
      return [{ example: rollout.example, advantage: rollout.advantage, advantages, first, likelihood }];
    });
  });
  for (const example of new Set(found.map((one) => one.example))) {
    const group = found.filter((one) => one.example === example);
    const above = group.filter(({ advantage }) => advantage > 0);
    const best = above.reduce((most, one) => (one.likelihood > most.likelihood ? one : most), above[0]!);
    for (const one of group) if (one !== best) one.advantages[one.first] = 0;
  }
}
