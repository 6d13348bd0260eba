// What a scraper asks.
import { z } from 'zod';
import type { Operation } from './operation.js';

export const metricsOperation: Operation = {
  method: 'get',
  path: '/metrics',
  tag: 'Health',
  summary: 'All figures, for Prometheus',
  description:
    'Text exposition, or OpenMetrics for who prefers it in `Accept`. A stored key needs the scope `metrics`.',
  answers: {
    200: {
      description: 'A line for each figure.',
      content: { 'text/plain': z.string(), 'application/openmetrics-text': z.string() },
    },
  },
  errors: ['internal'],
  errorShape: 'simple',
};
