// Answers for what no route takes: a known path with another method, and unknown paths.
import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';

/** Last handler of a route. OPTIONS is answered, anything else is 405 with Allow. */
export function onlyMethods(...methods: readonly string[]): RequestHandler {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  return (req, res) => {
    if (req.method === 'OPTIONS') {
      res.setHeader('Allow', allow);
      res.status(204).end();
      return;
    }
    throw new AppError('method_not_allowed', `${req.method} is not allowed on ${req.path}; use ${allow}.`, {
      headers: { Allow: allow },
    });
  };
}

/** @throws URIError for a path with a broken percent escape, as Express does on a route with parameters. */
export const unknownPath: RequestHandler = req => {
  decodeURIComponent(req.path);
  throw new AppError('not_found', `There is nothing at ${req.path}.`);
};
