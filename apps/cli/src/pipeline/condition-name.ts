const conditionNames: Record<string, string> = {
  own: 'own thought',
  another: "another image's thought",
  zeros: 'zeros',
  'question only': 'question alone',
};

/** What an interpreter or a drawer was given in place of a thought, in words. */
export function conditionName(condition: string): string {
  return conditionNames[condition] ?? condition;
}
