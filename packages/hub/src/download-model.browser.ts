import { HubError } from './hub-error';

/** In a browser there is no cache of models. @throws HubError `not-found` */
export function downloadModel({ id }: { id: string }): never {
  throw new HubError({
    code: 'not-found',
    message: `${id}: a browser has no cache that ids of the hub could be downloaded to. Give the address of a folder, or File objects by openFiles of @subtext/core`,
  });
}
