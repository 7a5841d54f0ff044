const conditionNames: Record<string, string> = {
  own: 'the thought itself',
  another: "another picture's thought",
  zeros: 'zeros',
  'question only': 'the question alone',
};

/** What an interpreter or a drawer was given in place of a thought, in words. */
export function conditionName(condition: string): string {
  return conditionNames[condition] ?? condition;
}
