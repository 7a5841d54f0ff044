export { HubError, type HubErrorCode } from './hub-error';
export {
  resolveModelFolder,
  type DownloadProgress,
  type HubOptions,
  type ResolveModelFolderOptions,
} from './resolve-model-folder';
