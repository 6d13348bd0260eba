// Keys, for admins: who has one and what each may; for everybody else what their own has used.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, describe } from '../api/http.js';
import { key as ownKey, signIn } from '../api/key.js';
import { createKey, listKeys, type WireKey } from '../api/keys.js';
import { AuditList } from './audit-list.js';
import { newFields, toDraft } from './key-fields.js';
import { KeyForm } from './key-form.js';
import { KeyItem } from './key-item.js';
import { OwnUse } from './own-use.js';
import { showSecret } from './secret-dialog.js';
import './keys.css';

const NOW_LOCKED =
  'From now on every request to this gateway needs a key. This tab is signed in with the new one; programs that ask the gateway need one of their own.';

export function KeysView() {
  const keys = useSignal<readonly WireKey[] | null>(null);
  const fault = useSignal<unknown>(null);
  const isMaking = useSignal(false);
  const changes = useSignal(0);
  const load = async (): Promise<void> => {
    try {
      keys.value = await listKeys();
      fault.value = null;
    } catch (error) {
      fault.value = error;
    }
  };
  useEffect(() => void load(), []);
  const onChanged = async (): Promise<void> => {
    await load();
    changes.value += 1;
  };

  if (fault.value instanceof ApiError && fault.value.code === 'missing_scope') return <ForAdmins />;
  if (fault.value !== null) {
    return (
      <section class="view">
        <h1>Keys</h1>
        <p class="fault" role="alert">
          {describe(fault.value)}
        </p>
        <button type="button" onClick={() => void load()}>
          Try again
        </button>
      </section>
    );
  }
  if (keys.value === null) return <p class="loading">Reading the keys…</p>;
  const isOpen = ownKey.value === null;
  const active = keys.value.filter(({ state }) => state === 'active');
  const others = keys.value.filter(({ state }) => state !== 'active');
  return (
    <section class="view keys">
      <h1>Keys</h1>
      {isOpen && <Open />}
      {!isOpen && keys.value.length === 0 && (
        <p>
          No key is stored yet: you are signed in with the <code>API_KEY</code> of the gateway’s settings.
        </p>
      )}
      {isMaking.value ? (
        <KeyForm
          start={newFields(isOpen ? 'admin' : 'user')}
          isNew
          isAdminOnly={isOpen}
          action="Make the key"
          onCancel={() => {
            isMaking.value = false;
          }}
          onSubmit={async fields => {
            const issued = await createKey(toDraft(fields));
            isMaking.value = false;
            // Before anything else is asked, or the gateway would refuse this page from here on.
            if (isOpen) signIn(issued.secret, false);
            await showSecret(issued, isOpen ? NOW_LOCKED : null);
            await onChanged();
          }}
        />
      ) : (
        <p>
          <button
            type="button"
            onClick={() => {
              isMaking.value = true;
            }}
          >
            {isOpen ? 'Make the first key, an admin’s' : 'New key'}
          </button>
        </p>
      )}
      {active.length > 0 && <KeyItems title="In use" keys={active} onChanged={onChanged} />}
      {others.length > 0 && <KeyItems title="Revoked and expired" keys={others} onChanged={onChanged} />}
      <OwnUse />
      <AuditList key={changes.value} />
    </section>
  );
}

function Open() {
  return (
    <div class="card">
      <p>
        <strong>Nobody needs a key now.</strong> The gateway answers everybody who can reach it, which is this
        machine alone, and treats them as its owner.
      </p>
      <p>
        With the first key that ends: every request needs one from then on, and what one key’s holder asks is
        hidden from the others. The first key is an admin’s, who makes the others.
      </p>
    </div>
  );
}

function ForAdmins() {
  return (
    <section class="view keys">
      <h1>Keys</h1>
      <p>
        Keys are made, changed and revoked by admins. Yours is a user’s: ask an admin of this gateway for
        another one, or for other limits.
      </p>
      <OwnUse />
    </section>
  );
}

interface KeyItemsProps {
  readonly title: string;
  readonly keys: readonly WireKey[];
  readonly onChanged: () => Promise<void>;
}

function KeyItems({ title, keys, onChanged }: KeyItemsProps) {
  return (
    <>
      <h2>{title}</h2>
      <ul class="key-list" aria-label={title}>
        {keys.map(key => (
          <KeyItem key={key.id} item={key} onChanged={onChanged} />
        ))}
      </ul>
    </>
  );
}
