// How answers are asked for: the system's words of this chat, and the sampling of all.

import { changeChatSettings, chatSettings } from './chat-settings.js';
import type { Conversation } from './conversation.js';

interface NumberField {
  readonly name: 'maxTokens' | 'temperature' | 'topP';
  readonly label: string;
  readonly hint: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

const FIELDS: readonly NumberField[] = [
  {
    name: 'maxTokens',
    label: 'Longest answer',
    hint: 'Tokens; empty: what the context holds.',
    min: 1,
    max: 100_000,
    step: 1,
  },
  {
    name: 'temperature',
    label: 'Temperature',
    hint: '0 is always the likeliest word; empty: as the model recommends.',
    min: 0,
    max: 2,
    step: 0.1,
  },
  {
    name: 'topP',
    label: 'Top p',
    hint: 'Only the likeliest words that make up this share; empty: as the model recommends.',
    min: 0.01,
    max: 1,
    step: 0.01,
  },
];

export function SettingsPanel({ chat }: { chat: Conversation }) {
  const settings = chatSettings.value;
  return (
    <fieldset class="card settings">
      <legend class="visually-hidden">Settings</legend>
      <div class="field">
        <label for="system">System prompt of this chat</label>
        <textarea
          id="system"
          rows={2}
          value={chat.system}
          onInput={event => {
            chat.system.value = event.currentTarget.value;
          }}
        />
      </div>
      <div class="row">
        {FIELDS.map(({ name, label, hint, ...bounds }) => (
          <div class="field" key={name}>
            <label for={name}>{label}</label>
            <input
              id={name}
              type="number"
              {...bounds}
              value={settings[name] ?? ''}
              aria-describedby={`${name}-hint`}
              onChange={event => {
                const field = event.currentTarget;
                if (field.checkValidity())
                  changeChatSettings({ [name]: field.value === '' ? null : field.valueAsNumber });
                else field.reportValidity();
              }}
            />
            <p class="hint" id={`${name}-hint`}>
              {hint}
            </p>
          </div>
        ))}
      </div>
      <label class="choice">
        <input
          type="checkbox"
          checked={settings.documents}
          onChange={event => changeChatSettings({ documents: event.currentTarget.checked })}
        />
        Answer from the stored documents
      </label>
    </fieldset>
  );
}
