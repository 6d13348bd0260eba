// GET /openapi.json, and /docs: Swagger UI over it, from this machine alone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { RequestHandler } from 'express';
import type { Doorkeeper } from '../access/doorkeeper.js';
import { AppError } from '../errors.js';
import { routeAccessOf } from '../http/route-access.js';
import { pagePolicy } from '../http/security-headers.js';
import { createOpenApiDocument } from '../reference/document.js';
import { OPERATIONS } from '../reference/reference.js';

const SWAGGER_DIR = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>minivault: reference</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<form hidden>
<label>API key: <input name="key" type="password" autocomplete="off" required autofocus></label>
<button>Show the reference</button>
<output name="said"></output>
</form>
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script type="module" src="/docs/start.js"></script>
</body>
</html>
`;

/** A browser sends no key by itself: where one is needed the page asks for it, and keeps it while it is open. */
const START = `const show = (spec, key) => {
  const options = { spec, dom_id: '#reference', validatorUrl: null, docExpansion: 'list', defaultModelsExpandDepth: -1 };
  const page = SwaggerUIBundle({ ...options, onComplete: () => { if (key) page.preauthorizeApiKey('apiKey', key); } });
};
const load = key => fetch('/openapi.json', { headers: key ? { 'X-API-Key': key } : {} });
const form = document.querySelector('form');
form.addEventListener('submit', async event => {
  event.preventDefault();
  const key = form.elements.key.value.trim();
  const answer = await load(key);
  if (!answer.ok) {
    form.elements.said.value = answer.status === 401 ? 'This key is not valid.' : \`The gateway answers \${answer.status}.\`;
    return;
  }
  form.remove();
  show(await answer.json(), key);
});
const first = await load();
if (first.ok) {
  form.remove();
  show(await first.json());
} else form.hidden = false;
`;

/** Swagger UI sets style attributes and draws its icons from data URLs; nothing else is let in. */
const CONTENT_SECURITY_POLICY = pagePolicy({
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
});

interface Asset {
  readonly type: string;
  readonly content: () => string | Buffer;
}

const fromSwagger = (name: string, type: string): [string, Asset] => {
  let content: Buffer | undefined;
  const read = (): Buffer => {
    content ??= readFileSync(path.join(SWAGGER_DIR, name));
    return content;
  };
  return [name, { type, content: read }];
};

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  fromSwagger('swagger-ui.css', 'text/css; charset=utf-8'),
  fromSwagger('swagger-ui-bundle.js', 'text/javascript; charset=utf-8'),
  fromSwagger('favicon-32x32.png', 'image/png'),
  ['start.js', { type: 'text/javascript; charset=utf-8', content: () => START }],
]);

export interface ReferenceParts {
  readonly version: string;
  readonly doorkeeper: Pick<Doorkeeper, 'isLocked' | 'takesTokens'>;
}

/** Tells of keys from the first one on. */
export function openApiRoute({ version, doorkeeper }: ReferenceParts): RequestHandler {
  let made: { readonly isKeyed: boolean; readonly document: unknown } | undefined;
  return (req, res) => {
    const isKeyed = doorkeeper.isLocked();
    if (made?.isKeyed !== isKeyed) {
      const routes = new Map(
        routeAccessOf(req.app).map(({ method, path, needs }) => [`${method} ${path}`, needs]),
      );
      const lock = {
        isKeyed,
        takesTokens: doorkeeper.takesTokens,
        // Express answers HEAD by GET.
        needsOf: (method: string, path: string) =>
          routes.get(`${method === 'head' ? 'get' : method} ${path}`) ?? [],
      };
      made = { isKeyed, document: createOpenApiDocument(OPERATIONS, { version, lock }) };
    }
    res.json(made.document);
  };
}

export const docsRoute: RequestHandler = (_req, res) => {
  res.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  res.type('html').send(PAGE);
};

/** @throws AppError not_found for anything but the page's own four files. */
export const docsAssetRoute: RequestHandler<{ name: string }> = (req, res) => {
  const asset = ASSETS.get(req.params.name);
  if (asset === undefined) throw new AppError('not_found', `There is nothing at ${req.path}.`);
  res.setHeader('Content-Type', asset.type);
  res.setHeader('Cache-Control', 'max-age=3600');
  res.send(asset.content());
};
