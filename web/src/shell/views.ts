// Every view of the page: where the navigation leads, addresses, and the code behind each, loaded when it is opened.
import type { ComponentType } from 'preact';

/** What the navigation leads to. */
export const PLACES = [
  { title: 'Chat', address: '/' },
  { title: 'Queue', address: '/queue' },
  { title: 'Vault', address: '/vault' },
  { title: 'Documents', address: '/documents' },
  { title: 'Machine', address: '/machine' },
  { title: 'Keys', address: '/keys' },
] as const;

export interface View {
  /** After the # of the address, in wouter's words. */
  readonly path: string | RegExp;
  readonly load: () => Promise<{ default: ComponentType }>;
}

const of = (component: ComponentType): { default: ComponentType } => ({ default: component });

export const VIEWS: readonly View[] = [
  {
    // One view for both addresses: a new chat gets its own in the middle of its first answer.
    path: /^\/(?:chat\/(?<id>[^/]+)\/?)?$/,
    load: async () => of((await import('../chat/chat-view.js')).ChatView),
  },
  { path: '/queue', load: async () => of((await import('../queue/queue-view.js')).QueueView) },
  { path: '/vault', load: async () => of((await import('../vault/vault-view.js')).VaultView) },
  { path: '/vault/:id', load: async () => of((await import('../vault/exchange-view.js')).ExchangeView) },
  {
    path: '/documents',
    load: async () => of((await import('../documents/documents-view.js')).DocumentsView),
  },
  {
    path: '/documents/:id/:place?',
    load: async () => of((await import('../documents/document-view.js')).DocumentView),
  },
  { path: '/machine', load: async () => of((await import('../machine/machine-view.js')).MachineView) },
  { path: '/keys', load: async () => of((await import('../keys/keys-view.js')).KeysView) },
];
