// What a setting is, and how the values of most of them are read. Knows no setting.
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const REPOSITORY_DIR = path.resolve(import.meta.dirname, '../..');
export const MINUTE_MS = 60_000;

export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `at least ${min}`).max(max, `at most ${max}`));
export const flag = () =>
  z
    .enum(['true', 'false', '1', '0'], 'true, false, 1 or 0')
    .transform(value => value === 'true' || value === '1');
export const file = () =>
  z
    .string()
    .min(1, 'a path')
    .transform(value =>
      path.resolve(
        REPOSITORY_DIR,
        value.replace(/^~(?=\/|$)/, () => homedir()),
      ),
    );

export const list = (item: RegExp, what: string) =>
  z
    .string()
    .transform(text => text.split(','))
    .pipe(z.array(z.string().regex(item, what)));

export interface Setting {
  readonly schema: z.ZodType<unknown, string>;
  /** As one would write it in the environment; null means unset. */
  readonly fallback: string | null;
  readonly about: string;
  /** Its value is never shown, not even when it is wrong. */
  readonly secret?: true;
}
