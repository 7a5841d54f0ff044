import { HubError } from './hub-error';

/** Browsers have no model cache. @throws HubError `not-found` */
export function downloadModel({ id }: { id: string }): never {
  throw new HubError({
    code: 'not-found',
    message: `${id}: hub ids are not supported in the browser, which has no model cache. Give the URL of a folder, or File objects through openFiles of @subtext/core`,
  });
}
