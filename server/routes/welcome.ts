// GET /: Ollama's clients look here whether a server is up; people and programs find where to go from here.
import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Page } from '../http/page.js';
import { pagePolicy } from '../http/security-headers.js';

const ROUTES = {
  'POST /generate': '{"prompt": "…"} → NDJSON lines {"response": "…"}; Accept: text/plain for bare text',
  'GET /history': 'what was asked and answered, newest first; /history/{id} for one',
  'GET /docs': 'every route, its fields and errors; /openapi.json for programs',
  'GET /health': 'model, queue, log and the last crash',
  'GET /livez': '200 while the process lives',
  'GET /readyz': '200 when a prompt would be answered now',
} as const;

/** Clients compare it word by word. */
const PROBED = 'Ollama is running';

const STYLE =
  'body{font:1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}';

/** For browsers where the page was not built. */
const PLAIN_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>minivault</title>
<style>${STYLE}</style>
</head>
<body>
<h1>minivault</h1>
<p>A private LLM gateway runs here. Programs reach it in the formats of OpenAI, Ollama and Anthropic at this address.</p>
<ul>
<li><a href="/docs">Reference</a>: every route, its fields and errors</li>
<li><a href="/health">Health</a>: the model, the queue and the log</li>
</ul>
</body>
</html>
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const CONTENT_SECURITY_POLICY = pagePolicy({ 'style-src': [`'sha256-${STYLE_HASH}'`] });

/** Text unless JSON or a page is asked for by name. */
export function welcomeRoute(version: string, page: Page | null): RequestHandler {
  return (req, res, next) => {
    res.vary('Accept');
    switch (req.accepts(['text/plain', 'application/json', 'text/html'])) {
      case 'application/json':
        res.json({ name: 'minivault', version, routes: ROUTES });
        return;
      case 'text/html':
        if (page !== null) {
          page.index(req, res, next);
          return;
        }
        res.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
        res.type('html').send(PLAIN_PAGE);
        return;
      default:
        res.type('text/plain').send(PROBED);
    }
  };
}
