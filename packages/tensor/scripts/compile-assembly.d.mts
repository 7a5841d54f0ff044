export interface AssemblyVariant {
  name: string;
  features: string[];
}
export const variants: readonly AssemblyVariant[];
export function compileVariant(variant: AssemblyVariant): Promise<{ binary: Uint8Array; text: string }>;
