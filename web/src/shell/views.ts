// Every view of the page: its place in the navigation, its address, and its code, which is loaded when it is opened.
import type { ComponentType } from 'preact';

export interface View {
  /** Null for one that is reached from within another. */
  readonly title: string | null;
  /** In wouter's words; after the # of the address. */
  readonly path: string;
  readonly load: () => Promise<{ default: ComponentType }>;
}

const of = (component: ComponentType): { default: ComponentType } => ({ default: component });

export const VIEWS: readonly View[] = [
  { title: 'Chat', path: '/', load: async () => of((await import('../chat/chat-view.js')).ChatView) },
  { title: null, path: '/chat/:id', load: async () => of((await import('../chat/chat-view.js')).ChatView) },
  {
    title: 'Queue',
    path: '/queue',
    load: async () => of((await import('../queue/queue-view.js')).QueueView),
  },
  {
    title: 'Vault',
    path: '/vault',
    load: async () => of((await import('../vault/vault-view.js')).VaultView),
  },
  {
    title: null,
    path: '/vault/:id',
    load: async () => of((await import('../vault/exchange-view.js')).ExchangeView),
  },
  {
    title: 'Documents',
    path: '/documents',
    load: async () => of((await import('../documents/documents-view.js')).DocumentsView),
  },
  {
    title: null,
    path: '/documents/:id/:place?',
    load: async () => of((await import('../documents/document-view.js')).DocumentView),
  },
  {
    title: 'Machine',
    path: '/machine',
    load: async () => of((await import('../machine/machine-view.js')).MachineView),
  },
  { title: 'Keys', path: '/keys', load: async () => of((await import('../keys/keys-view.js')).KeysView) },
];
