/** What of WebGPU's adapter is used here. */
export interface Adapter {
  info: { vendor: string; architecture: string; device: string; description: string; isFallbackAdapter?: boolean };
}

/** What gives adapters: `navigator.gpu`. */
export interface Graphics {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

/** The adapter that TensorFlow.js asks for too. */
export const adapterOf = (graphics: Graphics) => graphics.requestAdapter({ powerPreference: 'high-performance' });

/** Whether an adapter is a processor that imitates a GPU. */
export function isSoftware({ info: { architecture, description, device, isFallbackAdapter } }: Adapter): boolean {
  return (
    isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description} ${device}`)
  );
}
