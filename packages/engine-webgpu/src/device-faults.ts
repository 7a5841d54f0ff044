import { EngineError } from '@subtext/tensor';

/** An error reported asynchronously by a WebGPU device. */
export interface FaultEvent {
  error: { message: string; constructor: { name: string } };
  preventDefault?(): void;
}

/** The part of a device through which it reports. */
export interface ReportingDevice {
  addEventListener(type: 'uncapturederror', listener: (event: FaultEvent) => void): void;
  lost: Promise<{ message: string; reason?: string }>;
}

/**
 * WebGPU validates and allocates asynchronously: a tensor too large for the adapter does not throw, and results
 * computed from it are garbage. This records the first error and throws it at the next {@link check}; later errors are
 * consequences of it.
 */
export class DeviceFaults {
  #first: EngineError | null = null;
  #lost = false;

  constructor(device: ReportingDevice) {
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault?.();
      const { message, constructor } = event.error;
      const memory =
        constructor.name === 'GPUOutOfMemoryError' ||
        /exceeds the max (buffer|storage buffer binding) size|out of memory/i.test(message);
      this.#note(
        memory
          ? {
              code: 'out-of-memory',
              message: `the graphics adapter cannot hold a tensor, and what was computed from it is void (${firstLine(message)}). Use smaller batches or shorter sequences.`,
            }
          : {
              code: 'engine-unavailable',
              message: `the graphics adapter refused a computation, and its result is void (${firstLine(message)}).`,
            },
      );
    });
    void device.lost.then(({ message, reason }) => {
      if (reason === 'destroyed') return;
      this.#lost = true;
      this.#note({
        code: 'engine-unavailable',
        message: `the graphics device was lost (${firstLine(message)}). Start again; what is on it is gone.`,
      });
    });
  }

  /** Throws the error reported since the last check; once, unless the device is lost. */
  check(): void {
    const error = this.#first;
    if (error) {
      this.#first = this.#lost ? error : null;
      throw error;
    }
  }

  #note({ code, message }: { code: 'out-of-memory' | 'engine-unavailable'; message: string }): void {
    this.#first ??= new EngineError({ engine: 'webgpu', code, message: `webgpu: ${message}` });
  }
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.replace(/\.$/, '');
}
