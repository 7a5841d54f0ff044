// A reasoner behind a web server: its answer is streamed as it is written (server-sent events), its thoughts follow.
//   node web-server.mjs MODEL [PORT]
//   curl -N 'http://127.0.0.1:8080/think?question=2%20%2B%203'
import { createServer } from 'node:http';

import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';

const [folder, port = '8080'] = process.argv.slice(2);
await useEngine();
const reasoner = await Reasoner.load({ folder });

// One question at a time: side by side they would share the processor, and none would be done sooner.
let turn = Promise.resolve();

/** @param {{ question: string, response: import('node:http').ServerResponse, signal: AbortSignal }} options */
async function answer({ question, response, signal }) {
  const send = (/** @type {string} */ event, /** @type {unknown} */ data) =>
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const text = reasoner.tokenizer.decodeStream({ skipSpecialTokens: true });
  const [{ answer: short, thoughts, tokens }] = await reasoner.think({
    questions: [{ question }],
    signal, // a reader who leaves ends the work
    onToken: ({ id }) => send('text', text.push(id)),
  });
  send('text', text.finish());
  const told = thoughts.map(({ stage, index, hidden }) => ({ stage, index, norm: Math.hypot(...hidden) }));
  send('answer', { answer: short ?? null, tokens: tokens.generated, thoughts: told });
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const question = searchParams.get('question');
  if (pathname !== '/think' || question === null) return void response.writeHead(404).end('GET /think?question=…\n');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const left = new AbortController();
  response.on('close', () => left.abort());
  turn = turn
    .then(() => answer({ question, response, signal: left.signal }))
    .catch((error) => {
      if (!left.signal.aborted) response.write(`event: error\ndata: ${JSON.stringify(error.message)}\n\n`);
    })
    .finally(() => response.end());
});
server.listen(Number(port), '127.0.0.1', () => {
  const { port: chosen } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${chosen}/think`);
});
