import { expect, it } from 'vitest';

import { alone, type Message } from './collective';
import { ReceiveWindow } from './receive-window';

/** Receives of two senders, eight pieces each; those that were asked for, and those that have come. */
function twoSenders() {
  const asked: Message[] = [];
  const came = new Set<Message>();
  const lanes = [1, 2].map((from) => Array.from({ length: 8 }, () => ({ receive: new Float32Array(1), from })));
  const collective = {
    ...alone,
    startMessages: ({ messages }: { messages: readonly Message[] }) => {
      asked.push(...messages);
      return { done: () => messages.every((message) => came.has(message)), finished: async () => undefined };
    },
  };
  const window = new ReceiveWindow({ collective, lanes: 2 });
  window.begin(lanes);
  const askedOf = (lane: number) => asked.filter((message) => lanes[lane]!.includes(message as never)).length;
  const come = (lane: number, count: number) => lanes[lane]!.slice(0, count).forEach((message) => came.add(message));
  return { window, come, asked: () => [askedOf(0), askedOf(1)] };
}

it('asks each sender for two pieces, and for the next as they come', () => {
  const { window, come, asked } = twoSenders();
  window.advance();
  expect(asked()).toEqual([2, 2]);
  come(0, 1);
  window.advance();
  window.advance();
  expect(asked()).toEqual([3, 2]);
  expect(window.rest()).toHaveLength(5);
  expect(asked()).toEqual([8, 8]);
});

it('asks for twice as many once everything has come by the next look', () => {
  const { window, come, asked } = twoSenders();
  window.advance();
  come(0, 2);
  // Not yet: the other sender is slower than we look.
  window.advance();
  expect(asked()).toEqual([4, 2]);
  come(0, 4);
  come(1, 2);
  window.advance();
  expect(asked()).toEqual([8, 6]);
});
