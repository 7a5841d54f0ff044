/** Digits written apart, as in the multiplication data, most significant last or first: `5 5 6 0` → `5560`; null if anything else is there. */
export function spacedDigits(text: string): string | null {
  const joined = text.replace(/\s+/g, '');
  return /^\d+$/.test(joined) ? joined : null;
}
