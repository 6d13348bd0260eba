// An event of the audit in words. Pure.
import type { AuditItem } from '../api/keys.js';

const EVENTS: Readonly<Record<string, string>> = {
  'key.created': 'Made the key',
  'key.updated': 'Changed the key',
  'key.rotated': 'Gave a new secret to',
  'key.revoked': 'Revoked the key',
  refused: 'Was refused at',
};
/** Said by the other columns, or of no use to a person. */
const KNOWN = new Set(['id', 'former_prefix']);

export function spellEvent({ event, target }: Pick<AuditItem, 'event' | 'target'>): string {
  return `${EVENTS[event] ?? event} ${target ?? ''}`.trim();
}

/** Who did it, or was refused. */
export function spellActor({
  event,
  actor,
  address,
}: Pick<AuditItem, 'event' | 'actor' | 'address'>): string {
  if (actor !== null) return actor;
  if (event === 'refused') return 'somebody without a key';
  return address === null ? 'whoever is at the machine' : 'whoever was there before there were keys';
}

/** `name: value`, comma by comma; of changes from what to what. */
export function spellDetails({ details }: Pick<AuditItem, 'details'>): string {
  return Object.entries(details)
    .filter(([name, value]) => !KNOWN.has(name) && value !== null)
    .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${spellValue(value)}`)
    .join(', ');
}

function spellValue(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(' ');
  if (typeof value !== 'object') return String(value);
  const { from, to } = value as { from?: unknown; to?: unknown };
  return `${spellValue(from)} → ${spellValue(to)}`;
}
