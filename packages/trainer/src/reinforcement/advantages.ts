/** What the answers to one question come to. */
export interface GroupAdvantages {
  /** By answer; null where it is left out: its reward is not known, it was masked, or all got the same. */
  advantages: (number | null)[];
  /** Whether the answers that count all got the same, so that nothing can be learned from them. */
  withoutVariance: boolean;
}

/** Rewards of one group closer to each other than this are the same. */
const SAME = 1e-8;

/**
 * How much better each answer is than the mean of its group, `A_i = (R_i − mean R) / deviation R` (GRPO, arXiv 2402.03300);
 * without the deviation, as Dr. GRPO has it (arXiv 2503.20783), questions that are nearly always or never answered do not
 * count more than others. Answers whose reward is null enter neither the mean nor the deviation.
 */
export function groupAdvantages({
  rewards,
  scale,
}: {
  /** By answer; null is left out. */
  rewards: readonly (number | null)[];
  scale: 'deviation' | 'none';
}): GroupAdvantages {
  const known = rewards.filter((reward) => reward !== null);
  const mean = known.reduce((sum, reward) => sum + reward, 0) / Math.max(1, known.length);
  const squares = known.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, known.length - 1));
  if (known.length < 2 || !(deviation > SAME)) return { advantages: rewards.map(() => null), withoutVariance: true };
  const unit = scale === 'deviation' ? deviation + 1e-6 : 1;
  return {
    advantages: rewards.map((reward) => (reward === null ? null : (reward - mean) / unit)),
    withoutVariance: false,
  };
}
