// A model that thinks in the browser: nothing is uploaded. `npx vite examples/browser-page` serves the page.
// A model's address may stand in the page's own: ?model=/models/small&question=2%20%2B%203
import { openFiles } from '@subtext/core';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';

const form = /** @type {HTMLFormElement} */ (document.querySelector('form'));
const files = /** @type {HTMLInputElement} */ (form.querySelector('input[type=file]'));
const output = /** @type {HTMLOutputElement} */ (document.querySelector('output'));
const given = new URLSearchParams(location.search);
/** @type {Reasoner | undefined} */
let reasoner;

/** Answers, and draws each thought as a row of its state's values. @param {string} question */
async function think(question) {
  if (!reasoner) return;
  output.replaceChildren('…');
  const [{ answer, text, thoughts }] = await reasoner.think({ questions: [{ question }] });
  const said = Object.assign(document.createElement('p'), { textContent: answer ?? text });
  output.replaceChildren(said, ...thoughts.map(drawn));
}

/** @param {import('@subtext/reasoner').Thought} thought */
function drawn({ stage, index, hidden }) {
  const canvas = Object.assign(document.createElement('canvas'), { width: hidden.length, height: 1 });
  canvas.title = `${stage}, thought ${index}`;
  canvas.style = 'display: block; width: 100%; height: 1.5rem; image-rendering: pixelated';
  const pixels = [...hidden].flatMap((value) => [128 + 60 * value, 128, 128 - 60 * value, 255]);
  canvas.getContext('2d')?.putImageData(new ImageData(Uint8ClampedArray.from(pixels), hidden.length, 1), 0, 0);
  return canvas;
}

/** @param {string | ReturnType<typeof openFiles>} folder */
async function open(folder) {
  output.textContent = 'loading …';
  await useEngine({ engine: 'wasm' });
  reasoner?.dispose();
  reasoner = await Reasoner.load({ folder });
  output.textContent = `${reasoner.method.name}: ask something`;
}

files.addEventListener('change', () => void open(openFiles(files.files ?? [])));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  void think(String(new FormData(form).get('question')));
});
const [model, question] = [given.get('model'), given.get('question')];
if (model !== null) {
  await open(new URL(model, location.href).href);
  if (question !== null) await think(question);
  document.body.dataset.state = 'ready';
}
