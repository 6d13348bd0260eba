// What the gateway tells of itself: traces. Names are OpenTelemetry's own, so that one environment serves all programs.
import { z } from 'zod';
import type { Setting } from './setting.js';

const HEADERS = /^[\w-]+=[^,]+(?:,\s*[\w-]+=[^,]+)*$/;

export const observabilitySettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: z.string().regex(/^https?:\/\/[^\s?#]+$/, 'an address such as http://localhost:4318'),
    fallback: null,
    about:
      'Collector that traces are sent to by OTLP over HTTP, without `/v1/traces`; unset, nothing is traced.',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: z
      .string()
      .regex(HEADERS, 'headers such as authorization=Bearer%20x, with commas between them')
      .transform(toHeaders),
    fallback: null,
    about:
      'Headers that the collector wants, `name=value`, with commas between them, values percent-encoded.',
    secret: true,
  },
  OTEL_SERVICE_NAME: {
    schema: z.string().regex(/^[\x21-\x7e][\x20-\x7e]{0,99}$/, '1 to 100 ASCII characters'),
    fallback: 'minivault',
    about: 'What this gateway is called in traces.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: z
      .string()
      .regex(/^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/, 'a part from 0 to 1, such as 0.1')
      .transform(Number),
    fallback: '1',
    about: 'Part of the traces that is kept; a trace that a client has begun is kept if the client keeps it.',
  },
} as const satisfies Record<string, Setting>;

/** As the specification has them: like W3C's Baggage. What is no valid escape stands for itself. */
function toHeaders(text: string): Readonly<Record<string, string>> {
  const decode = (value: string): string => {
    try {
      return decodeURIComponent(value);
    } catch {
      return value;
    }
  };
  return Object.fromEntries(
    text.split(',').map(pair => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim().toLowerCase(), decode(pair.slice(at + 1).trim())];
    }),
  );
}
