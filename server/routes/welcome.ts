// GET /: what this is and where to go, for whoever opens the address that the console prints.
import type { RequestHandler } from 'express';

const ROUTES = {
  'POST /generate': '{"prompt": "…"} → NDJSON lines {"response": "…"}; Accept: text/plain for bare text',
  'GET /docs': 'every route, its fields and errors; /openapi.json for programs',
  'GET /health': 'model, queue, log and the last crash',
  'GET /livez': '200 while the process lives',
  'GET /readyz': '200 when a prompt would be answered now',
} as const;

export function welcomeRoute(version: string): RequestHandler {
  return (_req, res) => {
    res.json({ name: 'minivault', version, routes: ROUTES });
  };
}
