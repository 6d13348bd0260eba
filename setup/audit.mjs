// `npm run audit`. No top-level await: Node.js 12, which some distributions still have, could not read it and so not say why.
import { requireNode } from './node-version.mjs';

requireNode();
import('./commands.mjs').then(({ audit }) => audit());
