// GET /metrics: what Prometheus and what speaks its formats scrape.
import type { RequestHandler } from 'express';
import type { GatewayMetrics } from '../metrics/gateway-metrics.js';

/** OpenMetrics for who prefers it, Prometheus' text for all others: a scraper that asks for what it cannot have is served, too. */
export function metricsRoute(metrics: Pick<GatewayMetrics, 'expose'>): RequestHandler {
  return async (req, res) => {
    const format = prefersOpenMetrics(req.get('accept') ?? '') ? 'openmetrics' : 'prometheus';
    const { contentType, text } = await metrics.expose(format);
    res.setHeader('Content-Type', contentType);
    res.setHeader('Cache-Control', 'no-store');
    res.end(text);
  };
}

/** Express would compare the parameters, too, of which scrapers send ever new ones. */
function prefersOpenMetrics(accept: string): boolean {
  const qualityOf = (type: string): number => {
    const ranges = accept.split(',').filter(range => range.split(';')[0]?.trim() === type);
    return Math.max(0, ...ranges.map(range => Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1)));
  };
  const quality = qualityOf('application/openmetrics-text');
  return quality > 0 && quality >= qualityOf('text/plain');
}
