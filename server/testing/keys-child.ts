// A process that makes keys, one after the other.
import { createKey } from '../access/key-changes.js';

const [, , file = '', prefix = '', count = '0'] = process.argv;
for (let i = 0; i < Number(count); i++) await createKey(file, { name: `${prefix}-${i}` });
