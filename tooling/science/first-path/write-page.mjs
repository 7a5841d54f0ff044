import { writeFile } from 'node:fs/promises';

export async function writePage({ path }) {
  await writeFile(path, '');
}
