export { HubError, type HubErrorCode } from './hub-error';
export {
  resolveModelFolder,
  type DownloadProgress,
  type HubOptions,
  type ResolveModelFolderOptions,
} from './resolve-model-folder';
export { openHubFile, type HubFileReader } from './open-hub-file';
export {
  pushAddress,
  pushFolder,
  type PushedFolder,
  type PushFolderOptions,
  type PushProgress,
} from './push/push-folder';
export { planPush, type PushFile } from './push/push-plan';
