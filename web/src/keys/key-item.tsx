// One key, and what its admin can do with it.
import { useSignal } from '@preact/signals';
import { ApiError } from '../api/http.js';
import { key as ownKey, replaceKey } from '../api/key.js';
import { changeKey, revokeKey, rotateKey, type WireKey } from '../api/keys.js';
import { confirmed } from '../ui/confirm.js';
import { spellNumber, spellTime } from '../ui/figures.js';
import { tell, tellError } from '../ui/notices.js';
import { fieldsOf, toChange } from './key-fields.js';
import { KeyForm } from './key-form.js';
import { RotateForm } from './rotate-form.js';
import { showSecret } from './secret-dialog.js';

const STATES = { active: 'In use', expired: 'Expired', revoked: 'Revoked' } as const;

export interface KeyItemProps {
  readonly item: WireKey;
  readonly onChanged: () => Promise<void>;
}

export function KeyItem({ item, onChanged }: KeyItemProps) {
  const doing = useSignal<'changing' | 'rotating' | null>(null);
  const { id, name, prefix, role, state } = item;
  const isOwn = ownKey.value?.startsWith(prefix) ?? false;
  const stop = (): void => {
    doing.value = null;
  };
  const rotate = async (graceSeconds: number): Promise<void> => {
    const issued = await rotateKey(id, graceSeconds);
    stop();
    if (isOwn) replaceKey(issued.secret);
    await showSecret(issued, isOwn ? 'This browser is signed in with it.' : null);
    await onChanged();
  };
  const revoke = async (): Promise<void> => {
    const whose = isOwn ? ' It is the one that you are signed in with.' : '';
    const question = `Revoke “${name}” for good?${whose} Its history stays.`;
    if (!(await confirmed(question, 'Revoke'))) return;
    try {
      await revokeKey(id, false).catch(async (error: unknown) => {
        if (!(error instanceof ApiError) || error.code !== 'last_admin_key') throw error;
        if (await confirmed(LAST_ADMIN, 'Revoke it all the same')) await revokeKey(id, true);
        else throw null;
      });
      tell('done', `“${name}” is revoked.`);
      await onChanged();
    } catch (error) {
      if (error !== null) tellError(error);
    }
  };
  return (
    <li class="card key-item">
      <div class="row spread">
        <h3>
          {name} {isOwn && <span class="quiet-text">(yours)</span>}
        </h3>
        <span class={`key-state ${state}`}>{STATES[state]}</span>
      </div>
      <Facts item={item} />
      {state !== 'revoked' && doing.value === null && (
        <div class="row">
          <button
            type="button"
            class="quiet"
            aria-label={`Change ${name}`}
            onClick={() => {
              doing.value = 'changing';
            }}
          >
            Change
          </button>
          <button
            type="button"
            class="quiet"
            aria-label={`New secret for ${name}`}
            onClick={() => {
              doing.value = 'rotating';
            }}
          >
            New secret
          </button>
          <button type="button" class="danger" aria-label={`Revoke ${name}`} onClick={() => void revoke()}>
            Revoke
          </button>
        </div>
      )}
      {doing.value === 'rotating' && <RotateForm name={name} onSubmit={rotate} onCancel={stop} />}
      {doing.value === 'changing' && (
        <KeyForm
          start={{ ...fieldsOf(item), role }}
          isNew={false}
          isAdminOnly={false}
          action="Change"
          onCancel={stop}
          onSubmit={async fields => {
            const change = toChange(fields, item);
            if (change !== null) {
              await changeKey(id, change);
              tell('done', `“${name}” is changed.`);
              await onChanged();
            }
            stop();
          }}
        />
      )}
    </li>
  );
}

const LAST_ADMIN =
  'This is the last admin’s key. Without one nobody can manage keys on this page any more, only on the command line of the machine itself.';

function Facts({ item }: { item: WireKey }) {
  const { prefix, role, scopes, former, limits } = item;
  const may = role === 'admin' ? 'everything' : scopes.length === 0 ? 'nothing' : scopes.join(', ');
  return (
    <dl class="key-facts">
      <Fact name="Begins with">
        <code>{prefix}</code>
      </Fact>
      <Fact name="Role">{role}</Fact>
      <Fact name="Good for">{may}</Fact>
      <Fact name="Made">{spellTime(item.created_at)}</Fact>
      {item.revoked_at !== null ? (
        <Fact name="Revoked">{spellTime(item.revoked_at)}</Fact>
      ) : (
        <Fact name="Ends">{item.expires_at === null ? 'never' : spellTime(item.expires_at)}</Fact>
      )}
      <Fact name="Requests a minute">{spellLimit(limits.requests_per_minute)}</Fact>
      <Fact name="Requests at once">{spellLimit(limits.concurrency)}</Fact>
      <Fact name="Tokens a day">{spellLimit(limits.tokens_per_day)}</Fact>
      {former.map(({ prefix: old, until }) => (
        <Fact key={old} name="Former secret">
          <code>{old}</code> until {spellTime(until)}
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function spellLimit(limit: number | null): string {
  return limit === null ? 'as all' : spellNumber(limit);
}
