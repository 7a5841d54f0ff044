import { checkWritable, findCompiler, findExecutable } from '@subtext/native-kernels';
import { librariesAt } from './tensorflow-libraries';
import { firstLine } from './first-line';
import { type TensorflowInstallation, InstallationError } from './installation';

/** What an installation cannot do without, found out before anything is downloaded. @throws InstallationError */
export async function checkNeeds({
  folder,
  source,
  tried,
}: {
  folder: string;
  source: string;
  tried: TensorflowInstallation['tried'];
}): Promise<void> {
  const fail = (message: string, cause?: unknown): never => {
    throw new InstallationError({
      message: `tensorflow: ${message} Nothing was installed; the wasm engine needs none of this.`,
      tried,
      cause,
    });
  };
  await checkWritable(folder).catch((error: unknown) =>
    fail(`${folder} cannot be written to (${firstLine(error)}). Set SUBTEXT_ENGINES to a folder that can.`, error),
  );
  if ((await findExecutable('npm')) === null) fail('npm is not on the PATH; it fetches @tensorflow/tfjs-node.');
  if (source === 'google' || process.platform === 'win32') return;
  await findCompiler().catch((error: unknown) => fail(firstLine(error), error));
  if (source !== 'wheel') await librariesAt(source).catch((error: unknown) => fail(firstLine(error), error));
  else if (
    (await Promise.all((process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python']).map(findExecutable))).every(
      (found) => found === null,
    )
  ) {
    fail(
      'Python is not on the PATH; its pip fetches TensorFlow’s wheel. PYTHON names another one, or give a wheel with --from FILE.whl.',
    );
  }
}
