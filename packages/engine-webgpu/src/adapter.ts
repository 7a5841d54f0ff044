/** The parts of a WebGPU adapter used here. */
export interface Adapter {
  info: { vendor: string; architecture: string; device: string; description: string; isFallbackAdapter?: boolean };
}

/** Provides adapters: `navigator.gpu`. */
export interface Graphics {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

/** The same adapter as TensorFlow.js requests. */
export const adapterOf = (graphics: Graphics) => graphics.requestAdapter({ powerPreference: 'high-performance' });

/** Whether an adapter is software-emulated. */
export function isSoftware({ info: { architecture, description, device, isFallbackAdapter } }: Adapter): boolean {
  return (
    isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description} ${device}`)
  );
}
