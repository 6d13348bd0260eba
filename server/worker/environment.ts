// Which of the gateway's environment variables its child may see. Knows no values.

/** What Python, torch and the model loaders are tuned by; everything else, secrets above all, stays with the gateway. */
const ALLOWED = new RegExp(
  `^(?:${[
    'PATH|HOME|USER|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TEMP|TMP|XDG_CACHE_HOME',
    'PYTHON.*|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH',
    'OMP_.*|GOMP_.*|KMP_.*|MKL_.*|OPENBLAS_.*|MALLOC_.*',
    'TORCH.*|PYTORCH_.*|CUDA_.*|NVIDIA_.*|HIP_.*|ROCR_.*|XLA_.*',
    // A hub id as MINIVAULT_MODEL is fetched by the worker itself, through the proxy and with the token of its user.
    'HF_.*|HUGGINGFACE_.*|TRANSFORMERS_.*|TOKENIZERS_.*|SAFETENSORS_.*',
    'HTTPS?_PROXY|NO_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE',
    'SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|APPDATA|LOCALAPPDATA|USERPROFILE|HOMEDRIVE|HOMEPATH',
    'MINIVAULT_FAKE_PLAN',
  ].join('|')})$`,
  'i',
);

export type Environment = Readonly<Record<string, string>>;

export function workerEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && ALLOWED.test(name)) allowed[name] = value;
  }
  return allowed;
}
