// GET /openapi.json, and /docs: Swagger UI over it, from this machine alone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';
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
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START =
  "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#reference', validatorUrl: null, docExpansion: 'list', defaultModelsExpandDepth: -1 });\n";

/** Swagger UI sets style attributes and draws its icons from data URLs; nothing else is let in. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
  readonly apiKey: string | null;
}

export function openApiRoute({ version, apiKey }: ReferenceParts): RequestHandler {
  let document: ReturnType<typeof createOpenApiDocument> | undefined;
  return (_req, res) => {
    document ??= createOpenApiDocument(OPERATIONS, { version, isKeyed: apiKey !== null });
    res.json(document);
  };
}

export const docsRoute: RequestHandler = (_req, res) => {
  res.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.type('html').send(PAGE);
};

/** @throws AppError not_found for anything but the page's own four files. */
export const docsAssetRoute: RequestHandler<{ name: string }> = (req, res) => {
  const asset = ASSETS.get(req.params.name);
  if (asset === undefined) throw new AppError('not_found', `There is nothing at ${req.path}.`);
  res.setHeader('Content-Type', asset.type);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Cache-Control', 'max-age=3600');
  res.send(asset.content());
};
