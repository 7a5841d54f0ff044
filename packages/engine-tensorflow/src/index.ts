export { tensorflowEngine as engine } from './engine';
export {
  installTensorflow,
  InstallationError,
  type InstallTensorflowOptions,
  type InstallProgress,
  type TensorflowInstallation,
} from './install/install-tensorflow';
