/** What PEFT puts before a module's name. */
export const prefix = 'base_model.model.';
export const configFile = 'adapter_config.json';
export const weightsFile = 'adapter_model.safetensors';
