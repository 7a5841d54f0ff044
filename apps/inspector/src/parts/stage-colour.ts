/** The colour of a stage: the same in every view. */
export function stageColour(stage: string, stages: readonly string[]): string {
  const place = stages.indexOf(stage);
  return `var(--s${place < 0 ? 5 : place % 6})`;
}
