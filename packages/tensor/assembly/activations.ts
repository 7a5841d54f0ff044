/**
 * Activations and gated products over flat arrays, forward and backward. In place where addresses are equal. Two vectors
 * at a time: engines that can join them in one of 256 bits do.
 */
import { GELU, GELU_TANH, QUICK_GELU, RELU, SILU, TANH, activate4, derivative4 } from './functions';
import { loadUpTo, storeUpTo } from './vector';

@inline
function forward(activation: i32, count: usize, input: usize, output: usize): void {
  for (; count >= 8; count -= 8) {
    const x0 = v128.load(input), x1 = v128.load(input, 16);
    v128.store(output, activate4(activation, x0));
    v128.store(output, activate4(activation, x1), 16);
    input += 32;
    output += 32;
  }
  for (; count >= 4; count -= 4) {
    v128.store(output, activate4(activation, v128.load(input)));
    input += 16;
    output += 16;
  }
  if (count) storeUpTo(output, activate4(activation, loadUpTo(input, count)), count);
}

@inline
function backward(activation: i32, count: usize, gradient: usize, input: usize, output: usize): void {
  for (; count >= 8; count -= 8) {
    const g0 = v128.load(gradient), g1 = v128.load(gradient, 16), x0 = v128.load(input), x1 = v128.load(input, 16);
    v128.store(output, f32x4.mul(g0, derivative4(activation, x0)));
    v128.store(output, f32x4.mul(g1, derivative4(activation, x1)), 16);
    gradient += 32;
    input += 32;
    output += 32;
  }
  for (; count >= 4; count -= 4) {
    v128.store(output, f32x4.mul(v128.load(gradient), derivative4(activation, v128.load(input))));
    gradient += 16;
    input += 16;
    output += 16;
  }
  if (count) storeUpTo(output, f32x4.mul(loadUpTo(gradient, count), derivative4(activation, loadUpTo(input, count))), count);
}

@inline
function gated(activation: i32, count: usize, gate: usize, up: usize, output: usize): void {
  for (; count >= 4; count -= 4) {
    v128.store(output, f32x4.mul(activate4(activation, v128.load(gate)), v128.load(up)));
    gate += 16;
    up += 16;
    output += 16;
  }
  if (count) storeUpTo(output, f32x4.mul(activate4(activation, loadUpTo(gate, count)), loadUpTo(up, count)), count);
}

@inline
function gatedGradients(activation: i32, count: usize, gradient: usize, gate: usize, up: usize, gateGradient: usize, upGradient: usize): void {
  for (; count >= 4; count -= 4) {
    const g = v128.load(gradient), x = v128.load(gate), u = v128.load(up);
    v128.store(gateGradient, f32x4.mul(f32x4.mul(g, u), derivative4(activation, x)));
    v128.store(upGradient, f32x4.mul(g, activate4(activation, x)));
    gradient += 16;
    gate += 16;
    up += 16;
    gateGradient += 16;
    upGradient += 16;
  }
  if (count) {
    const g = loadUpTo(gradient, count), x = loadUpTo(gate, count), u = loadUpTo(up, count);
    storeUpTo(gateGradient, f32x4.mul(f32x4.mul(g, u), derivative4(activation, x)), count);
    storeUpTo(upGradient, f32x4.mul(g, activate4(activation, x)), count);
  }
}

/** `output = activation(input)`. */
export function activationForward(activation: i32, count: usize, input: usize, output: usize): void {
  switch (activation) {
    case GELU: { forward(GELU, count, input, output); break; }
    case GELU_TANH: { forward(GELU_TANH, count, input, output); break; }
    case QUICK_GELU: { forward(QUICK_GELU, count, input, output); break; }
    case SILU: { forward(SILU, count, input, output); break; }
    case RELU: { forward(RELU, count, input, output); break; }
    case TANH: { forward(TANH, count, input, output); break; }
    default: if (input != output) memory.copy(output, input, count << 2);
  }
}

/** `output = gradient · activation′(input)`. */
export function activationBackward(activation: i32, count: usize, gradient: usize, input: usize, output: usize): void {
  switch (activation) {
    case GELU: { backward(GELU, count, gradient, input, output); break; }
    case GELU_TANH: { backward(GELU_TANH, count, gradient, input, output); break; }
    case QUICK_GELU: { backward(QUICK_GELU, count, gradient, input, output); break; }
    case SILU: { backward(SILU, count, gradient, input, output); break; }
    case RELU: { backward(RELU, count, gradient, input, output); break; }
    case TANH: { backward(TANH, count, gradient, input, output); break; }
    default: if (gradient != output) memory.copy(output, gradient, count << 2);
  }
}

/** `output = activation(gate) · up`. */
export function gatedForward(activation: i32, count: usize, gate: usize, up: usize, output: usize): void {
  switch (activation) {
    case GELU: { gated(GELU, count, gate, up, output); break; }
    case GELU_TANH: { gated(GELU_TANH, count, gate, up, output); break; }
    case QUICK_GELU: { gated(QUICK_GELU, count, gate, up, output); break; }
    case SILU: { gated(SILU, count, gate, up, output); break; }
    case RELU: { gated(RELU, count, gate, up, output); break; }
    case TANH: { gated(TANH, count, gate, up, output); break; }
    default: gated(0, count, gate, up, output);
  }
}

/** Both gradients of {@link gatedForward}. */
export function gatedBackward(activation: i32, count: usize, gradient: usize, gate: usize, up: usize, gateGradient: usize, upGradient: usize): void {
  switch (activation) {
    case GELU: { gatedGradients(GELU, count, gradient, gate, up, gateGradient, upGradient); break; }
    case GELU_TANH: { gatedGradients(GELU_TANH, count, gradient, gate, up, gateGradient, upGradient); break; }
    case QUICK_GELU: { gatedGradients(QUICK_GELU, count, gradient, gate, up, gateGradient, upGradient); break; }
    case SILU: { gatedGradients(SILU, count, gradient, gate, up, gateGradient, upGradient); break; }
    case RELU: { gatedGradients(RELU, count, gradient, gate, up, gateGradient, upGradient); break; }
    case TANH: { gatedGradients(TANH, count, gradient, gate, up, gateGradient, upGradient); break; }
    default: gatedGradients(0, count, gradient, gate, up, gateGradient, upGradient);
  }
}
